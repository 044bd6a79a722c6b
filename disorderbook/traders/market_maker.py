"""The market maker: three orders on each side around the middle of the market, which it follows."""

from collections.abc import Iterator

from disorderbook.engine.orders import BUY, SELL, Side
from disorderbook.traders.market_view import (
    FIRST_PRICE,
    MAX_PRICE,
    MarketView,
    Strategy,
    TopOfBook,
)

LEVELS = 3  # orders on each side
PART = 200  # the distance of two levels is the 200th part of the middle, 0.5 %
MIN_QUANTITY, MAX_QUANTITY = 100, 200  # shares of an order


class MarketMaker(Strategy):
    """Each step looks at the market and moves its orders to where they belong.

    `start_price` is the middle in cents as long as the market knows none.
    """

    def __init__(self, start_price: int = FIRST_PRICE) -> None:
        self.start_price = start_price

    def step(self, market: MarketView) -> None:
        """Cancel the orders that are at wrong prices and fill the gaps; else renew the oldest."""
        market.refresh()
        missing = dict.fromkeys(levels(middle(market.quote(), self.start_price)))
        stale = []
        for order in market.resting.values():
            if (order.side, order.price) in missing:
                del missing[order.side, order.price]
            else:
                stale.append(order.id)
        for order_id in stale:
            market.cancel(order_id)
        for side, price in missing:
            self._offer(market, side, price)
        if not missing and not stale:
            self._renew_oldest(market)

    def _offer(self, market: MarketView, side: Side, price: int) -> None:
        market.place(side, market.rng.randint(MIN_QUANTITY, MAX_QUANTITY), price)

    def _renew_oldest(self, market: MarketView) -> None:
        """Replace an order that may be filled in part; its level is never without an order."""
        oldest = next(iter(market.resting.values()))
        self._offer(market, oldest.side, oldest.price)
        if oldest.id in market.resting:  # which it is not if the exchange was started afresh
            market.cancel(oldest.id)


def levels(middle: int) -> Iterator[tuple[Side, int]]:
    """Side and price of each order around a price in cents, the best first.

    All prices are in the range that an exchange takes.
    """
    # The nearest middle that leaves room for every level.
    middle = min(max(middle, LEVELS + 1), MAX_PRICE * PART // (PART + LEVELS))
    distance = max(1, middle // PART)
    for number in range(1, LEVELS + 1):
        yield BUY, middle - number * distance
        yield SELL, middle + number * distance


def middle(top: TopOfBook, start_price: int) -> int:
    """The middle of the market in cents.

    With one side empty it is the last price (at first the start price), but not beyond the side
    that is there; so one lonely order at a silly price does not make a silly market.
    """
    bid, ask = top.bid, top.ask
    if bid is not None and ask is not None:
        return (bid + ask) // 2
    last = start_price if top.last is None else top.last
    if bid is not None:
        return max(last, bid + max(1, bid // PART))
    if ask is not None:
        return min(last, ask - max(1, ask // PART))
    return last
