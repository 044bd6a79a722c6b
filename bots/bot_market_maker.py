# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
Make a market: keep three orders of 100 to 200 shares on each side, 0.5 % apart around the middle
between the best bid and the best ask. Whenever that has moved, cancel those that are stale and
place new ones; while it has not, renew the oldest. An empty market begins at 5000."""

import sys
from collections.abc import Iterator
from typing import Any

from command_line import Bot, main
from stockfighter_minimal import Answer, Client
from trader import FIRST_PRICE, LARGEST, Trader

RUNGS = 3  # orders on each side
PART = 200  # the distance of two rungs is the 200th part of the middle, 0.5 %
LEAST, MOST = 100, 200  # shares of an order

Rung = tuple[str, int]  # direction, price in cents


class MarketMaker(Trader):
    """Each step looks at the market and puts its rungs where they belong.

    `start_price` is the middle in cents as long as the market knows none.
    """

    def __init__(self, client: Client, *, start_price: int = FIRST_PRICE, **knobs: Any) -> None:
        super().__init__(client, **knobs)
        self.start_price = start_price

    def step(self) -> None:
        self.look_after_orders()
        missing = dict.fromkeys(rungs(middle(self.quote(), self.start_price)))
        stale = []
        for order_id, order in self.resting.items():
            rung = (order["direction"], order["price"])
            if rung in missing:
                del missing[rung]
            else:
                stale.append(order_id)
        for order_id in stale:
            self.cancel(order_id)
        for direction, price in missing:
            self._offer(direction, price)
        if not missing and not stale:
            self._renew_oldest()

    def _offer(self, direction: str, price: int) -> None:
        if not self.has_finished:
            self.place(direction, self.rng.randint(LEAST, MOST), price)

    def _renew_oldest(self) -> None:
        """Fill up again what may have been traded in part; the rung is never without an order."""
        oldest, order = next(iter(self.resting.items()))
        self._offer(order["direction"], order["price"])
        if oldest in self.resting:  # and not forgotten, with an exchange that was started afresh
            self.cancel(oldest)


def rungs(centre: int) -> Iterator[Rung]:
    """Where orders belong around a price in cents, the best first; the exchange takes them all."""
    # The nearest one that leaves room for every rung.
    centre = min(max(centre, RUNGS + 1), LARGEST * PART // (PART + RUNGS))
    distance = max(1, centre // PART)
    for number in range(1, RUNGS + 1):
        yield "buy", centre - number * distance
        yield "sell", centre + number * distance


def middle(quote: Answer, start_price: int) -> int:
    """The middle of the market in cents.

    With one side empty it is the last price (at first the start price), but not beyond the side
    that is there; so one lonely order at a silly price does not make a silly market.
    """
    bid: int | None = quote.get("bid")
    ask: int | None = quote.get("ask")
    if bid is not None and ask is not None:
        return (bid + ask) // 2
    last: int = quote.get("last", start_price)
    if bid is not None:
        return max(last, bid + max(1, bid // PART))
    if ask is not None:
        return min(last, ask - max(1, ask // PART))
    return last


BOT = Bot(MarketMaker, "MAKERBOTS", "makerkey", pause=(0.2, 0.4))

if __name__ == "__main__":
    sys.exit(main(__doc__, BOT))
