"""Which rows the tables lack, and how those are written."""

import sqlite3
from contextlib import closing

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder
from disorderbook.ledger.base import Instance, InstanceState, StoredResult, StoredRun
from disorderbook.ledger.journal import Changes, write_tables
from disorderbook.ledger.tables import (
    RESULTS,
    RUNS,
    create_tables,
    read_result,
    read_run,
    read_state,
)

RUN = StoredRun("AEX", "A", 1, "ann", "sell_side", "A1", 7, True, 5)
RESULT = StoredResult("ann", "sell_side", "A1", "won", 3, 2**70, 7, True, 2, False, 9)


def test_rows_are_added_and_brought_up_to_date() -> None:
    book, changes = OrderBook("V", "S", 1), Changes()
    with closing(sqlite3.connect(":memory:")) as connection:
        create_tables(connection)
        changes.open(book)
        changes.submit(book, book.submit(NewOrder("ann", SELL, LIMIT, 5, 3), 2))
        changes.record_instance(1, Instance(1, "ANN", 5))
        changes.record_state(InstanceState(1, 6, "{}"))
        changes.runs.append(RUN)
        changes.results.append(RESULT)
        write_tables(connection, changes)
        changes = Changes()
        changes.runs.append(RUN._replace(ended_at=7))
        changes.submit(book, book.submit(NewOrder("bob", BUY, LIMIT, 5, 1), 3))

        def read(query: str) -> list[tuple[object, ...]]:
            return connection.execute(query).fetchall()

        assert [*map(read_state, read("SELECT * FROM instance_states"))] == [
            InstanceState(1, 6, "{}")
        ]
        changes.record_instance(1, None)
        write_tables(connection, changes)

        assert read("SELECT remaining, filled FROM orders ORDER BY id") == [(2, 1), (0, 1)]
        assert read("SELECT event, closed_at, closed_event, close_reason FROM orders") == [
            (0, None, None, None),
            (1, "1970-01-01T00:00:00.000000003Z", 1, "filled"),
        ]
        assert read("SELECT standing_id, incoming_id, quantity FROM executions") == [(0, 1, 1)]
        assert read("SELECT account, cash FROM positions") == [("ann", 5), ("bob", -5)]
        assert read("SELECT orders, ask_depth, last_price FROM books") == [(2, 2, 5)]
        assert read("SELECT * FROM instances") == []
        assert read("SELECT * FROM instance_states") == []
        (run,), (result,) = (
            read(f"SELECT {table.all} FROM {table.name}") for table in (RUNS, RESULTS)
        )
        assert read_run(run) == RUN._replace(ended_at=7) and read_result(result) == RESULT


def test_the_last_state_of_an_instance_counts_and_none_of_one_that_is_gone() -> None:
    changes = Changes()
    for number in (1, 2):
        changes.record_state(InstanceState(number, 5, "old"))
        changes.record_state(InstanceState(number, 6, "new"))
        assert changes.size == number  # rows
    changes.record_instance(2, None)
    assert changes.states == {1: InstanceState(1, 6, "new")}


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


def test_executions_are_numbered_in_the_order_of_time_however_often_they_are_written() -> None:
    def numbered(writes: set[int]) -> list[tuple[int, str, str]]:
        books, changes = [OrderBook("V", name, 1) for name in "BA"], Changes()
        with closing(sqlite3.connect(":memory:")) as connection:
            create_tables(connection)
            for book in books:
                changes.open(book)
            for ts in range(2, 14, 2):
                book = books[ts // 2 % 2]
                for side, price in ((SELL, 5), (SELL, 6)):
                    changes.submit(book, book.submit(NewOrder("ann", side, LIMIT, price, 3), ts))
                changes.submit(book, book.submit(NewOrder("bob", BUY, LIMIT, 6, 6), ts + 1))
                if ts in writes:
                    write_tables(connection, changes)
                    changes = Changes()
            write_tables(connection, changes)
            rows = "SELECT number, symbol, ts FROM executions ORDER BY number"
            return list(connection.execute(rows))

    assert numbered(set()) == numbered({2, 6}) == numbered({2, 4, 6, 8, 10, 12})
    times = [ts for _, _, ts in numbered(set())]
    assert times == sorted(times) and len(times) == 12
