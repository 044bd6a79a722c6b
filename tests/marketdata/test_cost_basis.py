"""Average price and profit, against an oracle that divides exactly."""

from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from disorderbook.marketdata.cost_basis import PARTS, CostBasis

TRADES = st.lists(st.tuples(st.integers(-20, 20).filter(bool), st.integers(0, 10_000)), max_size=30)


class Lots:
    """The oracle: a pool of shares that have all cost the same, and what selling some has made."""

    def __init__(self) -> None:
        self.shares = 0
        self.average = Fraction(0)
        self.realised = Fraction(0)

    def trade_one(self, bought: int, price: int) -> None:
        """Buy or sell a single share."""
        if self.shares * bought < 0:
            self.realised += -bought * (price - self.average)
            self.shares += bought
        else:
            worth = abs(self.shares) * self.average + price
            self.shares += bought
            self.average = worth / abs(self.shares)


@given(TRADES, st.integers(0, 10_000))
@example([(10, 100), (10, 200), (-15, 300), (-15, 50), (10, 20)], 70)  # through zero
@example([(3, 100), (-1, 200), (-1, 0), (-1, 50)], 1)  # to zero
def test_the_basis_is_what_the_oracle_makes_share_by_share(
    trades: list[tuple[int, int]], last: int
) -> None:
    basis, lots = CostBasis(), Lots()
    for quantity, price in trades:
        basis.trade(quantity, price)
        for _ in range(abs(quantity)):
            lots.trade_one(1 if quantity > 0 else -1, price)
        assert basis.shares == lots.shares
        assert abs(basis.realised - lots.realised) <= Fraction(1, 2) + Fraction(len(trades), PARTS)
        if lots.shares:
            assert basis.average_price is not None
            assert abs(Fraction(basis.average_price) - lots.average) < Fraction(30, PARTS)
        else:
            assert basis.average_price is None
        nav = basis.cash + basis.shares * last
        assert basis.realised + basis.unrealised(last) == nav


@given(TRADES)
def test_cash_shares_and_extremes_are_sums(trades: list[tuple[int, int]]) -> None:
    basis, held = CostBasis(), [0]
    for quantity, price in trades:
        basis.trade(quantity, price)
        held.append(held[-1] + quantity)
    assert basis.cash == -sum(quantity * price for quantity, price in trades)
    assert (basis.shares, basis.lowest, basis.highest) == (held[-1], min(held), max(held))


def test_a_closed_position_has_made_its_cash() -> None:
    basis = CostBasis()
    for quantity, price in ((3, 100), (4, 101), (-6, 103), (-1, 99)):
        basis.trade(quantity, price)
    assert basis.realised == basis.cash == 6 * 103 + 99 - 300 - 404
    assert basis.unrealised(5000) == 0 and basis.average_price is None
