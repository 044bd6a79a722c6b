"""Cash, shares and their extremes."""

from disorderbook.engine.positions import Position


def test_buying_and_selling_move_cash_and_shares() -> None:
    position = Position("ann")
    position.trade(3, 5000)
    position.trade(-5, 5010)
    assert (position.cash, position.shares) == (-3 * 5000 + 5 * 5010, -2)
    assert (position.lowest, position.highest) == (-2, 3)


def test_net_asset_value_is_cash_plus_shares_at_a_price() -> None:
    position = Position("ann")
    position.trade(-2, 5000)
    assert position.net_asset_value(6000) == 2 * 5000 - 2 * 6000
