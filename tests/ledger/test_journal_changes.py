"""Which rows the tables lack, and how those are written."""

import sqlite3
from contextlib import closing

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder
from disorderbook.ledger.base import Instance
from disorderbook.ledger.journal import Changes, write_tables
from disorderbook.ledger.tables import Summary, create_tables, signed, write_summary


def test_rows_are_added_and_brought_up_to_date() -> None:
    book, changes = OrderBook("V", "S", 1), Changes()
    with closing(sqlite3.connect(":memory:")) as connection:
        create_tables(connection)
        write_summary(connection, Summary(2, 0, 0, 0))
        changes.open(book)
        changes.submit(book, book.submit(NewOrder("ann", SELL, LIMIT, 5, 3), 2))
        write_tables(connection, changes, {1: Instance(1, "ANN", 5)}, Summary(2, 1, 1, 7))
        changes = Changes()
        changes.submit(book, book.submit(NewOrder("bob", BUY, LIMIT, 5, 1), 3))
        write_tables(connection, changes, {1: None}, Summary(2, 1, 1, 8))

        def read(query: str) -> list[tuple[object, ...]]:
            return connection.execute(query).fetchall()

        assert read("SELECT remaining, filled FROM orders ORDER BY id") == [(2, 1), (0, 1)]
        assert read("SELECT event, closed_at, closed_event, close_reason FROM orders") == [
            (0, None, None, None),
            (1, "1970-01-01T00:00:00.000000003Z", 1, "filled"),
        ]
        assert read("SELECT standing_id, incoming_id, quantity FROM executions") == [(0, 1, 1)]
        assert read("SELECT account, cash FROM positions") == [("ann", 5), ("bob", -5)]
        assert read("SELECT orders, ask_depth, last_price FROM books") == [(2, 2, 5)]
        assert read("SELECT * FROM instances") == []
        assert read(
            "SELECT schema_version, books, last_instance, journaled, checksum FROM ledger"
        ) == [signed(2, 1, 1, 8)]


def test_orders_executions_and_accounts_are_collected_for_each_book() -> None:
    books, changes = [OrderBook("V", symbol, 1) for symbol in "AB"], Changes()
    changes.open(books[0])
    for book in books:
        changes.submit(book, book.submit(NewOrder("ann", SELL, LIMIT, 5, 3), 2))
        changes.submit(book, book.submit(NewOrder("bob", BUY, LIMIT, 5, 1), 3))
    standing = books[0].find(0)
    assert standing is not None
    books[0].cancel(standing, 4)
    changes.cancel(books[0], standing)
    assert list(changes.books) == books and changes.size == 1 + 2 * 3 + 1
    for book in books:
        changed = changes.books[book]
        assert list(changed.orders) == [0, 1] and list(changed.accounts) == ["ann", "bob"]
        assert [trade.quantity for trade in changed.executions] == [1]
