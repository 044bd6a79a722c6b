"""A frozen venue is read back as it was stored."""

import pytest

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder
from disorderbook.ledger.base import StoredFreeze
from disorderbook.marketdata.frozen_scores import frozen, restored
from disorderbook.marketdata.mark import Mark, last_price
from disorderbook.marketdata.nav_series import NavSeries, Sample

BIG = 2**31 - 1
LONG = "\N{OHM SIGN}" * 255


def test_what_was_frozen_is_the_same_after_it_was_stored() -> None:
    traded, empty = OrderBook("V", "S", 1), OrderBook("V", "T", 2)
    for price in (BIG, BIG, BIG, BIG, 5):
        traded.submit(NewOrder(LONG, SELL, LIMIT, price, BIG), 7)
        traded.submit(NewOrder("<b>", BUY, LIMIT, price, BIG), 8)
    traded.settled = 77
    series = NavSeries()
    series.add(Sample(9, [None, 2**70, -(2**70)]))
    series.numbers = {LONG: 0, "<b>": 1, "c": 2}
    made = frozen(
        10, [traded, empty], series, lambda book: book.settled or last_price(book), Mark.BAND
    )
    again = restored(made.stored("V"))
    assert again.stored("V") == made.stored("V")
    assert (again.settled, again.ts, again.mark) == ({"S": 77}, 10, Mark.BAND)
    first, second = again.books
    assert (first.settled, second.settled) == (77, None)
    assert [p.net_asset_value(77) for p in first.position_list] == [
        p.net_asset_value(77) for p in traded.position_list
    ]
    assert (
        first.position_list[0].trades == 5
        and first.position_list[0] is not (traded.position_list[0])
    )
    assert again.series.points == made.series.points and first.last_trade == traded.last_trade


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError):
        restored(StoredFreeze("V", 1, '[[["S"]], [2, [], []]]'))
