"""The bots that have a name: each is a strategy with an account and a pace, wherever it runs."""

from collections.abc import Callable
from typing import NamedTuple

from disorderbook.traders.buy_low_sell_high import BuyLowSellHigh
from disorderbook.traders.market_maker import MarketMaker
from disorderbook.traders.market_view import Strategy
from disorderbook.traders.noise import EXTREME, NoiseTrader
from disorderbook.traders.taker import Taker


class Bot(NamedTuple):
    """A strategy with what its script is shipped with.

    `account` and `key` are those of accounts.json. `pause` holds the shortest and the longest time
    between two steps in seconds. Each of `threads` threads has a strategy of its own. `line` is
    what a list of bots says of it, `description` what --help says.
    """

    make_strategy: Callable[[], Strategy]
    account: str
    key: str
    line: str
    description: str
    pause: tuple[float, float] = (0.3, 0.7)
    threads: int = 1


REGISTRY = {
    "market-maker": Bot(
        MarketMaker,
        "MAKERBOTS",
        "makerkey",
        "three orders a side, 0.5 % apart, around the middle of the market",
        "Make a market: keep three orders of 100 to 200 shares on each side, 0.5 % apart around the"
        " middle between the best bid and the best ask. Whenever that has moved, cancel those that"
        " are stale and place new ones; while it has not, renew the oldest. An empty market begins"
        " at 5000.",
        pause=(0.2, 0.4),
    ),
    "taker": Bot(
        Taker,
        "TAKERBOTS",
        "takerkey",
        "market orders of 10 to 60 shares, two a second",
        "Send market orders of 10 to 60 shares to buy or to sell, at random intervals of half a"
        " second on average. What they do not get at once they do without: nothing rests.",
        pause=(0.1, 0.9),
    ),
    "noise": Bot(
        NoiseTrader,
        "NOISEBOTS",
        "noisekey",
        "limit orders of 50 to 150 shares near the last price, two a second",
        "Place limit orders of 50 to 150 shares within 100 cents of the last price (5000 when there"
        " is none), two a second, and cancel the oldest beyond ten.",
    ),
    "noise-slow": Bot(
        NoiseTrader,
        "NOISEBOTS",
        "noisekey",
        "the same, every four seconds",
        "Place a limit order of 50 to 150 shares within 100 cents of the last price (5000 when"
        " there is none) every four seconds, and cancel the oldest beyond ten.",
        pause=(4, 4),
    ),
    "noisier": Bot(
        NoiseTrader,
        "NOISEBOTS",
        "noisekey",
        "the same, in six threads",
        "Six noise bots in one: each of six threads places limit orders of 50 to 150 shares within"
        " 100 cents of the last price (5000 when there is none), two a second, and cancels its"
        " oldest beyond ten.",
        threads=6,
    ),
    "buy-low-sell-high": Bot(
        BuyLowSellHigh,
        "BLSHBOTS",
        "blshkey",
        "rests 50 cents below or above the last price, near no position",
        "Wait for a price; then sell 50 cents above it while owning shares, buy 50 cents below it"
        " while owing shares, and either of them at random while having none. Print shares, cents"
        " and NAV at each step, and cancel the oldest order beyond ten.",
        pause=(1, 1),
    ),
    "extreme": Bot(
        lambda: NoiseTrader(EXTREME),
        "EXTREMEBOT",
        "extremekey",
        "limit orders with any price and any quantity",
        "Place limit orders with any price and any quantity that the exchange takes, up to"
        " 2147483647, and cancel the oldest beyond ten.",
    ),
}
