"""The recent past of books: trades, candles, and how little of them is kept."""

from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.ledger.base import past_trade
from disorderbook.marketdata.history import (
    MOST_CANDLES,
    RECENT_TRADES,
    SECOND,
    BookHistory,
    Candle,
    History,
    Series,
    WholeSeries,
)

BOOK = OrderBook("TESTEX", "FOOBAR", 0)


def executions(*trades: tuple[int, int], ts: int = 0, side: Side = Side.BUY) -> list[Execution]:
    """What an order that met standing orders of these prices and quantities led to."""
    book = OrderBook("TESTEX", "FOOBAR", 0)
    standing = Side.SELL if side is Side.BUY else Side.BUY
    for price, quantity in trades:
        book.submit(NewOrder("ann", standing, OrderType.LIMIT, price, quantity), ts)
    total = sum(quantity for _, quantity in trades)
    return book.submit(NewOrder("bob", side, OrderType.MARKET, 0, total), ts).executions


def candle(start: int, price: int = 5000, volume: int = 1) -> Candle:
    return Candle(start * SECOND, price, price, price, price, volume, 1)


def test_trades_are_told_with_their_numbers_since_a_number() -> None:
    past = BookHistory(0)
    past.record(executions((5000, 3), (5001, 4), ts=7))
    past.record(executions((4990, 5), ts=8, side=Side.SELL))
    assert past.count == 3
    assert past.trades(1, 10) == [(2, 5001, 4, 7, Side.BUY), (3, 4990, 5, 8, Side.SELL)]
    assert [trade.number for trade in past.trades(0, 2)] == [2, 3]
    assert past.trades(3, 10) == past.trades(99, 10) == past.trades(0, 0) == []


def test_only_the_latest_trades_are_remembered() -> None:
    past = BookHistory(0)
    past.record(executions(*[(5000, 1)] * (RECENT_TRADES + 10)))
    past.record(executions((6000, 1)))
    told = past.trades(0, 10**9)
    assert [trade.number for trade in told] == list(range(12, RECENT_TRADES + 12))
    assert told[-1].price == 6000


def test_a_candle_holds_what_was_traded_in_its_second() -> None:
    past = BookHistory(0)
    past.record(executions((5000, 3), (5010, 4), ts=5 * SECOND))
    past.record(executions((4990, 5), ts=5 * SECOND + 9, side=Side.SELL))
    past.record(executions((5005, 1), ts=6 * SECOND))
    assert past.series("5m").since(0) == [
        Candle(5 * SECOND, 5000, 5010, 4990, 4990, 12, 3),
        Candle(6 * SECOND, 5005, 5005, 5005, 5005, 1, 1),
    ]


def test_asking_in_the_middle_of_a_second_changes_nothing() -> None:
    asked, left_alone = BookHistory(0), BookHistory(0)
    for price in (5000, 4990, 5010, 5000):
        for past in (asked, left_alone):
            past.record(executions((price, 2), ts=3 * SECOND))
        asked.series("all")
    for span in ("5m", "30m", "all"):
        assert asked.series(span).since(0) == left_alone.series(span).since(0)


def test_wide_candles_say_what_narrow_ones_say_together() -> None:
    series = Series(5 * SECOND, 10)
    for second, price in ((11, 5000), (13, 5020), (14, 4990), (15, 5005)):
        series.add(candle(second, price, volume=second))
    assert series.since(0) == [
        Candle(10 * SECOND, 5000, 5020, 4990, 4990, 38, 3),
        Candle(15 * SECOND, 5005, 5005, 5005, 5005, 15, 1),
    ]
    assert series.since(11 * SECOND) == series.since(15 * SECOND) == series.since(0)[1:]


def test_a_series_keeps_its_latest_candles() -> None:
    series = Series(SECOND, 3)
    for second in range(5):
        series.add(candle(second))
    assert [c.start // SECOND for c in series.since(0)] == [2, 3, 4]


def test_a_whole_series_forgets_no_share_and_stays_small() -> None:
    series, total = WholeSeries(SECOND, MOST_CANDLES), 0
    for second in range(0, 100_000, 7):
        series.add(candle(second, 5000 + second % 100, volume=second))
        total += second
        assert len(series.since(0)) <= MOST_CANDLES
    candles = series.since(0)
    assert sum(c.volume for c in candles) == total and candles[0].open == 5000
    assert (min(c.low for c in candles), max(c.high for c in candles)) == (5000, 5099)
    assert len(candles) > MOST_CANDLES / 4
    assert all(c.start % series.width == 0 for c in candles)


def test_candles_far_apart_become_wide_at_once() -> None:
    series = WholeSeries(SECOND, 2)
    for second in (0, 100_000, 300_000):
        series.add(candle(second))
    assert [c.trades for c in series.since(0)] == [2, 1]


def test_each_book_has_a_past_of_its_own() -> None:
    history, other = History(0), OrderBook("TESTEX", "OTHER", 0)
    history.record(BOOK, executions((5000, 1)))
    history.record(other, ())
    assert (history.of(BOOK).count, history.of(other).count) == (1, 0)


def test_a_book_in_the_place_of_another_goes_on_with_its_past() -> None:
    history, restored = History(0), OrderBook("TESTEX", "FOOBAR", 0)
    for book in (BOOK, restored, restored):
        history.record(book, executions((5000, 1)))
    assert history.of(BOOK) is history.of(restored) and history.of(BOOK).count == 3


def test_trades_one_by_one_make_the_history_that_their_orders_have_made() -> None:
    recorded, added = BookHistory(0), BookHistory(0)
    for ts, prices in ((0, (5000, 5002)), (9, (4990,)), (SECOND, (5003, 5004, 5009)), (SECOND, ())):
        made = executions(*((price, price % 7 + 1) for price in prices), ts=ts) if prices else []
        for each in made:
            added.add(past_trade(each))
        if made:
            recorded.record(made)
    assert added.state() == recorded.state() and added.count == 6


def quoted(book: OrderBook, history: History, side: Side, price: int, ts: int) -> None:
    history.record(
        book, book.submit(NewOrder("ann", side, OrderType.LIMIT, price, 1), ts).executions
    )


def test_a_candle_has_the_best_prices_at_its_end_whoever_asks_meanwhile() -> None:
    told = []
    for is_asked in (False, True):
        book, history = OrderBook("TESTEX", "FOOBAR", 0), History(0)
        for side, price, ts in (
            (Side.BUY, 4990, 0),
            (Side.SELL, 5010, 1),
            (Side.SELL, 5020, 2),
            (Side.BUY, 5010, 5 * SECOND),  # trades, and leaves 5020
            (Side.SELL, 5005, 5 * SECOND + 1),  # within the same second
            (Side.BUY, 5000, 6 * SECOND),  # after it
            (Side.SELL, 5000, 7 * SECOND),
            (Side.BUY, 5005, 7 * SECOND + 1),
        ):
            quoted(book, history, side, price, ts)
            if is_asked:
                history.of(book).series("5m")
        told.append([(c.bid, c.ask) for c in history.of(book).series("5m").since(0)])
        assert told[-1] == [(4990, 5005), (4990, 5020)]
    assert told[0] == told[1]


def test_the_best_prices_are_in_the_state_and_a_state_of_before_has_none() -> None:
    book, history = OrderBook("TESTEX", "FOOBAR", 0), History(0)
    quoted(book, history, Side.BUY, 4990, 0)
    quoted(book, history, Side.BUY, 4980, 0)
    quoted(book, history, Side.SELL, 4990, 1)
    state = history.of(book).state()
    assert ",1,1,4980,null]" in state
    for text, bid in ((state, 4980), (state.replace(",1,1,4980,null]", ",1,1]"), None)):
        past = BookHistory(0)
        past.restore(text, 1)
        assert [(c.close, c.bid) for c in past.series("all").since(0)] == [(4990, bid)]
