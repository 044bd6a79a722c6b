"""What is written into the tables; most of it is shown where a market is read back."""

import sqlite3
from contextlib import closing

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder
from disorderbook.ledger.base import Instance
from disorderbook.ledger.tables import Changes, migrate, signed, write_tables


def test_rows_are_added_and_brought_up_to_date() -> None:
    book, changes = OrderBook("V", "S", 1), Changes()
    with closing(sqlite3.connect(":memory:")) as connection:
        migrate(connection, 0)
        connection.execute(
            "INSERT INTO ledger (schema_version, books, last_instance, journaled, checksum) "
            "VALUES (2, 0, 0, 0, 0)"
        )
        changes.open(book)
        changes.submit(book, book.submit(NewOrder("ann", SELL, LIMIT, 5, 3), 2))
        write_tables(connection, changes, {1: Instance(1, "ANN", 5)}, (2, 1, 1, 7))
        changes = Changes()
        changes.submit(book, book.submit(NewOrder("bob", BUY, LIMIT, 5, 1), 3))
        write_tables(connection, changes, {1: None}, (2, 1, 1, 8))

        def read(query: str) -> list[tuple[object, ...]]:
            return connection.execute(query).fetchall()

        assert read("SELECT remaining, filled FROM orders ORDER BY id") == [(2, 1), (0, 1)]
        assert read("SELECT standing_id, incoming_id, quantity FROM executions") == [(0, 1, 1)]
        assert read("SELECT account, cash FROM positions") == [("ann", 5), ("bob", -5)]
        assert read("SELECT orders, ask_depth, last_price FROM books") == [(2, 2, 5)]
        assert read("SELECT * FROM instances") == []
        assert read(
            "SELECT schema_version, books, last_instance, journaled, checksum FROM ledger"
        ) == [signed(2, 1, 1, 8)]
