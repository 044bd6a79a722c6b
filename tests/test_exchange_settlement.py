"""Stocks that are halted, or settled: closed for good at a price. Both are stored."""

from pathlib import Path

import pytest
from durable_market import Stoppable, buy, make_older, play, sell

from disorderbook.errors import CannotWrite, StockSettled, TradingHalted
from disorderbook.exchange import Exchange
from disorderbook.ledger.copies import back_up, export
from disorderbook.ledger.file import open_ledger

HALTS, SETTLEMENTS = [("V", "A", "a break")], [("V", "B", 0)]


def restricted(exchange: Exchange) -> None:
    """Have one stock with an order in it halted, and one settled at nothing."""
    for symbol in "ABC":
        play(exchange, (("V", symbol), sell(5)))
    with exchange.transaction():
        exchange.halt(exchange.book("V", "A"), "a break")
        exchange.settle(exchange.book("V", "B"), 0)


def check(exchange: Exchange) -> None:
    """Both are as `restricted` has left them."""
    assert (exchange.halts(), exchange.settlements()) == (HALTS, SETTLEMENTS)
    a, b, c = exchange.books("V")
    for book, refusal in ((a, TradingHalted), (b, StockSettled)):
        count, position = book.next_id, dict(book.positions)
        with pytest.raises(refusal), exchange.transaction():
            exchange.submit(book, buy(1))
        assert (book.next_id, book.positions, book.asks.depth) == (count, position, 5)
    play(exchange, (("V", "C"), buy(1)))
    assert (a.settled, b.settled, c.is_restricted) == (None, 0, False)


def test_a_settled_stock_takes_no_orders_and_lets_go_of_those_it_has() -> None:
    exchange = Exchange()
    restricted(exchange)
    check(exchange)
    book = exchange.book("V", "B")
    with pytest.raises(StockSettled) as refusal:
        exchange.submit(book, buy(1))
    assert refusal.value.detail == "it was closed for good at 0 cents a share"
    exchange.cancel(exchange.order("V", "B", 0))
    assert book.asks.depth == 0


def test_nothing_but_a_reset_opens_a_settled_stock_again() -> None:
    exchange = Exchange()
    restricted(exchange)
    book = exchange.book("V", "B")
    for refused in (
        lambda: exchange.resume(book),
        lambda: exchange.halt(book, "again"),
        lambda: exchange.settle(book, 0),
        lambda: exchange.settle(book, 5),
    ):
        with pytest.raises(StockSettled):
            refused()
    check(exchange)
    exchange.reset(book)
    assert exchange.submit(exchange.book("V", "B"), buy(1)).id == 0
    assert exchange.settlements() == [] and exchange.halts() == HALTS
    exchange.reset(None)
    assert exchange.halts() == []


def test_a_halted_stock_that_is_settled_is_halted_no_more() -> None:
    exchange = Exchange()
    restricted(exchange)
    exchange.settle(exchange.book("V", "A"), 7)
    assert exchange.halts() == []
    assert exchange.settlements() == [*SETTLEMENTS, ("V", "A", 7)]


def test_in_a_file_both_are_there_after_an_end_a_kill_and_in_copies(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    restricted(market.exchange)
    for again in (market.crash, market.stop, market.crash):
        again()
        check(market.exchange)
    copy = Stoppable(back_up(market.file, str(tmp_path / "copy.db")))
    check(copy.exchange)
    with copy.exchange.transaction():
        copy.exchange.resume(copy.exchange.book("V", "A"))
    copy.crash()
    assert copy.exchange.halts() == [] and copy.exchange.settlements() == SETTLEMENTS
    for running in (market, copy):
        running.exchange.close()
    export(market.file, str(tmp_path / "csv"))
    table = (tmp_path / "csv" / "settlements.csv").read_text()
    assert table == "venue,symbol,price\nV,B,0\n"


def test_a_reset_of_the_book_deletes_them_from_the_file(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    restricted(market.exchange)
    for symbol in "AB":
        exchange = market.exchange
        with exchange.transaction():
            book = exchange.book("V", symbol)
            exchange._ledger.reset(book)
            exchange.reset(book)
        market.crash()
    assert market.exchange.halts() == market.exchange.settlements() == []
    assert play(market.exchange, (("V", "B"), buy(1))) is None
    market.exchange.close()


def test_what_cannot_be_stored_is_taken_back(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    restricted(market.exchange)
    exchange = market.exchange
    exchange._ledger.connection.execute(  # within the transaction that the halt begins
        "CREATE TEMP TRIGGER fails BEFORE UPDATE ON books BEGIN SELECT RAISE(ABORT, 'full'); END"
    )
    with pytest.raises(CannotWrite), exchange.transaction():
        exchange.halt(exchange.book("V", "C"), "too late")
        exchange.resume(exchange.book("V", "A"))
    assert exchange.halts() == HALTS and exchange.book("V", "C").halted is None
    for refused in (
        lambda: exchange.settle(exchange.book("V", "C"), 5),
        lambda: exchange.halt(exchange.book("V", "C"), "x"),
        lambda: exchange.resume(exchange.book("V", "A")),
    ):
        with pytest.raises(CannotWrite):
            refused()
    assert exchange.settlements() == SETTLEMENTS and exchange.halts() == HALTS
    exchange.close()
    market.start()
    check(market.exchange)
    market.exchange.close()


def test_books_of_an_older_file_take_orders(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    play(market.exchange, (("V", "A"), sell(5)))
    market.exchange.close()
    make_older(tmp_path / "market.db", 2)
    market.start()
    play(market.exchange, (("V", "A"), buy(5)))
    with market.exchange.transaction():
        market.exchange.settle(market.exchange.book("V", "A"), 50)
    market.crash()
    assert market.exchange.settlements() == [("V", "A", 50)]
    market.exchange.close()
    open_ledger(market.file)[0].close()
