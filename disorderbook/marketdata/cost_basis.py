"""What an open position has cost, by the average-cost method, and the profit that follows from it.

The average is the moving one of IAS 2, paragraphs 25 and 27: each purchase is added to the cost of
what is held, and what is sold takes its share of that cost along. A short position is the same with
the signs turned: what is open has brought in money, and buying takes its share of that along. An
order that goes through zero closes the one position and opens the other at its own price.

Realised profit is what closing has brought over that cost, unrealised what closing the rest at the
last price would bring. Their sum is the net asset value, to the cent: cash is exact, and the one
figure that is rounded, the cost, counts in both with opposite signs.
"""

PARTS = 10**6  # of a cent, in which the cost is stored: it can rarely be divided without a rest


class CostBasis:
    """Cash in cents and shares as in a Position, and the cost of what is open: below zero where
    selling short has brought that in.
    """

    __slots__ = ("cash", "shares", "lowest", "highest", "_cost")

    def __init__(self) -> None:
        self.cash = 0
        self.shares = 0
        self.lowest = 0  # the fewest shares ever held
        self.highest = 0
        self._cost = 0  # in PARTS of a cent

    def trade(self, quantity: int, price: int) -> None:
        """Buy `quantity` shares at `price` cents each; sell them if `quantity` is negative."""
        held = self.shares
        self.cash -= price * quantity
        self.shares = held + quantity
        self.lowest, self.highest = min(self.lowest, self.shares), max(self.highest, self.shares)
        if held * quantity >= 0:
            self._cost += quantity * price * PARTS
        elif held * self.shares > 0:
            self._cost = _divided(self._cost * self.shares, held)
        else:
            self._cost = self.shares * price * PARTS

    @property
    def average_price(self) -> float | None:
        """Cents a share of the open position; None without one."""
        return round(self._cost / (self.shares * PARTS), 6) if self.shares else None

    @property
    def realised(self) -> int:
        """Cents, to the nearest."""
        return self.cash + _divided(self._cost, PARTS)

    def unrealised(self, price: int) -> int:
        """Cents, to the nearest, at this price in cents a share."""
        return self.cash + self.shares * price - self.realised


def _divided(number: int, divisor: int) -> int:
    """The nearest integer to a quotient, the higher of two."""
    if divisor < 0:
        number, divisor = -number, -divisor
    return (2 * number + divisor) // (2 * divisor)
