"""The last price of a stock that was within the band of its rules."""

from collections.abc import Iterable

from disorderbook.rules.market import Rules


class BandMark:
    """A mark that follows the trades of a stock whose rules have a band: each counts that is within
    the band around the mark, or around the last price, before the order that made it. So one trade
    far away does not count, and neither does a sweep beyond the band; but where the next order
    trades near it the price has moved, and the mark goes there. Where the band is around the start
    price, that alone is compared with. It begins at the start price, or at the first trade.
    """

    __slots__ = ("price", "_rules", "_event", "_around", "_last")

    def __init__(self, rules: Rules) -> None:
        self.price = rules.start_price  # cents
        self._rules = rules
        self._event = -1  # the id of the incoming order
        self._last: int | None = None  # cents; of the latest trade, whether it counts or not
        self._around = (self.price, self.price)  # of the mark, and of the last price

    def weigh(self, event: int, last_first: Iterable[int]) -> None:
        """Look at prices of an event's trades, in cents; the last one within the band counts."""
        if event != self._event:
            self._event, self._around = event, self._references()
        mark, last = self._around
        for number, price in enumerate(last_first):
            if number == 0:
                self._last = price
            if self._rules.in_band(mark, price) or self._rules.in_band(last, price):
                self.price = price
                return

    def restore(self, price: int | None, last: int | None) -> None:
        """Go on from a mark and the price of the latest trade, in cents, between two events."""
        self.price, self._last = price, last

    def _references(self) -> tuple[int | None, int | None]:
        if self._rules.band_around == "start":
            return self._rules.start_price, self._rules.start_price
        return self.price, self.price if self._last is None else self._last
