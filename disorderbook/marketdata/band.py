"""The last price of a stock that was within the band of its rules."""

from collections.abc import Iterable

from disorderbook.rules.market import Rules


class BandMark:
    """A mark that follows the trades of a stock whose rules have a band. All trades of one event
    are compared with the mark before it, so a sweep cannot lead it step by step; where the band is
    around the start price, with that. It begins at the start price, or at the first trade.
    """

    __slots__ = ("price", "_rules", "_event", "_reference")

    def __init__(self, rules: Rules) -> None:
        self.price = rules.start_price  # cents
        self._rules = rules
        self._event = -1  # the id of the incoming order
        self._reference = self.price

    def weigh(self, event: int, last_first: Iterable[int]) -> None:
        """Look at prices of an event's trades, in cents; the last one within the band counts."""
        if event != self._event:
            self._event = event
            is_fixed = self._rules.band_around == "start"
            self._reference = self._rules.start_price if is_fixed else self.price
        for price in last_first:
            if self._rules.in_band(self._reference, price):
                self.price = price
                return
