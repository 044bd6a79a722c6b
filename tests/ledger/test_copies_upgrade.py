"""A file that version 0.1 wrote goes on as a file of this version.

data/market-0.1.db and its log were written by that version, which was killed: three books, orders
of each type, open and closed, cancels, an instance, and a journal. data/market-0.1.json is what
that version answered about it afterwards.
"""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from durable_market import Stoppable, buy, play

from disorderbook.ledger.copies import back_up, export, upgrade
from disorderbook.ledger.file import open_ledger
from disorderbook.ledger.location import Unusable
from disorderbook.ledger.lock import FileLock
from disorderbook.ledger.tables import checksum
from disorderbook.protocol.messages import order_message

DATA = Path(__file__).parent / "data"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    for name in ("market-0.1.db", "market-0.1.db-wal"):
        shutil.copy(DATA / name, tmp_path)
    return tmp_path / "market-0.1.db"


@pytest.fixture
def tables_only(tmp_path: Path) -> Path:
    """The old file without its log, and so without the orders in its journal."""
    shutil.copy(DATA / "market-0.1.db", tmp_path)
    return tmp_path / "market-0.1.db"


POSITION = ("account", "cash", "shares", "lowest", "highest")  # what it was in that version


def answers(market: Stoppable) -> dict[str, Any]:
    """What market-0.1.json says, of a market of this version."""
    books = []
    for venue in market.exchange.venues():
        for book in market.exchange.books(venue):
            quote = book.quote()
            orders = [market.exchange.order(venue, book.symbol, n) for n in range(book.next_id)]
            books.append(
                {
                    "venue": venue,
                    "symbol": book.symbol,
                    "opened_at": book.opened_at,
                    "quote": {name: getattr(quote, name) for name in quote.__struct_fields__},
                    "positions": [
                        {name: getattr(position, name) for name in POSITION}
                        for position in book.positions.values()
                    ],
                    "orders": [json.loads(order_message(order)) for order in orders],
                }
            )
    return {"books": books}


def test_everything_that_the_old_version_answered_is_answered_the_same(
    old: Path, tmp_path: Path
) -> None:
    before = old.read_bytes()
    market = Stoppable(upgrade(str(old), str(tmp_path / "new.db")), bound=0)
    expected = json.loads((DATA / "market-0.1.json").read_text())
    assert answers(market)["books"] == expected["books"]
    assert sum(len(book["orders"]) for book in expected["books"]) == 57
    (instance,) = market.instances
    assert [{name: getattr(instance, name) for name in instance.__struct_fields__}] == expected[
        "instances"
    ]
    assert market.last_instance == expected["last_instance"]
    assert market.exchange.now() > expected["latest"]
    assert old.read_bytes() == before
    market.stop()  # the journal is in the tables now
    assert answers(market)["books"] == expected["books"]
    market.exchange.close()


def test_it_is_said_or_derived_why_and_when_each_order_was_closed(
    old: Path, tmp_path: Path
) -> None:
    upgrade(str(old), str(tmp_path / "new.db"))
    open_ledger(str(tmp_path / "new.db"))[0].close()
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        rows = connection.execute(
            "SELECT id, event, closed_event, close_reason, closed_at IS NULL FROM orders "
            "WHERE venue = 'TESTEX' AND symbol = 'FOOBAR' ORDER BY id"
        ).fetchall()
        [(events,)] = connection.execute("SELECT events FROM books WHERE symbol = 'FOOBAR'")
        wrong = connection.execute(
            "SELECT count(*) FROM orders AS o JOIN orders AS c "
            "ON (c.venue, c.symbol, c.event) = (o.venue, o.symbol, o.closed_event) "
            "WHERE o.closed_at != c.ts AND o.close_reason != 'cancelled'"
        ).fetchone()
    assert wrong == (0,)
    assert rows[:14] == [
        (0, 0, 3, "filled", 0),
        (1, 1, 6, "filled", 0),
        (2, 2, 2, "filled", 0),
        (3, 3, 3, "filled", 0),
        (4, 4, 4, "killed", 0),
        (5, 5, 5, "filled", 0),
        (6, 6, 6, "rest", 0),
        (7, 7, 7, "rest", 0),
        (8, 8, None, "cancelled", 1),
        (9, 9, 9, "filled", 0),
        (10, 10, None, "cancelled", 1),
        (11, 11, 21, "filled", 0),
        (12, 12, None, None, 1),
        (13, 13, 13, "filled", 0),
    ]
    cancelled = [row for row in rows[14:] if row[3] == "cancelled"]
    assert len(cancelled) == 3 and all(row[2] is not None and row[4] == 0 for row in cancelled)
    numbers = [row[1] for row in rows] + [row[2] for row in cancelled]
    assert sorted(numbers) == list(range(events))


def as_first_version(file: Path) -> None:
    """Turn the tables of the second version of the old schema into those of the first."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.create_function("checksum", -1, checksum)
        connection.executescript(
            """
            DROP VIEW fills;
            DROP TABLE journal;
            CREATE TABLE old AS SELECT number, venue, symbol, standing_id, incoming_id, price,
                quantity, ts FROM executions;
            DROP TABLE executions;
            ALTER TABLE old RENAME TO executions;
            ALTER TABLE ledger DROP COLUMN journaled;
            UPDATE ledger SET schema_version = 1, checksum = checksum(1, books, last_instance);
            """
        )


def test_the_first_schema_of_the_old_version_is_read_as_the_second(
    tables_only: Path, tmp_path: Path
) -> None:
    second = Stoppable(upgrade(str(tables_only), str(tmp_path / "second.db")))
    as_first_version(tables_only)
    first = Stoppable(upgrade(str(tables_only), str(tmp_path / "first.db")))
    assert answers(first) == answers(second)
    assert sum(len(book["orders"]) for book in answers(first)["books"]) == 42
    for market in (first, second):
        play(market.exchange, (("TESTEX", "FOOBAR"), buy(1, price=5300)))
        market.exchange.close()
    with closing(sqlite3.connect(tmp_path / "first.db")) as connection:
        connection.execute("ATTACH ? AS second", (str(tmp_path / "second.db"),))
        for table in ("orders", "executions", "positions", "books"):
            assert (
                connection.execute(
                    f"SELECT * FROM main.{table} EXCEPT SELECT * FROM second.{table}"
                ).fetchall()
                == []
            ), table


def test_every_other_command_refuses_an_old_file_and_names_the_upgrade(
    old: Path, tmp_path: Path
) -> None:
    before = old.read_bytes()
    for refused in (
        lambda: open_ledger(str(old)),
        lambda: back_up(str(old), str(tmp_path / "copy.db")),
        lambda: export(str(old), str(tmp_path)),
    ):
        with pytest.raises(Unusable, match=f"0.1; `disorderbook upgrade {old} NEW` writes"):
            refused()
    assert old.read_bytes() == before


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE orders SET price = price + 1 WHERE id = 3",
        "UPDATE positions SET cash = cash + 1",
        "UPDATE executions SET quantity = quantity + 1",
        "DELETE FROM executions WHERE number = 4",
        "DELETE FROM orders WHERE id = 13",
        "UPDATE ledger SET books = 2",
        "UPDATE ledger SET schema_version = 3",
        "DELETE FROM ledger",
    ],
)
def test_a_damaged_file_is_refused_and_nothing_is_written(
    tables_only: Path, tmp_path: Path, damage: str
) -> None:
    with closing(sqlite3.connect(tables_only, isolation_level=None)) as connection:
        connection.execute(damage)
        connection.execute("PRAGMA journal_mode = DELETE")
    before = tables_only.read_bytes()
    with pytest.raises(Unusable, match=f"{tables_only.name} is damaged"):
        upgrade(str(tables_only), str(tmp_path / "new.db"))
    assert tables_only.read_bytes() == before
    assert not list(tmp_path.glob("new.db*"))


def test_a_file_in_use_or_of_this_version_or_none_is_refused(old: Path, tmp_path: Path) -> None:
    new = str(tmp_path / "new.db")
    with closing(FileLock(old)), pytest.raises(Unusable, match="in use"):
        upgrade(str(old), new)
    with pytest.raises(Unusable, match="does not exist"):
        upgrade(str(tmp_path / "nothing.db"), new)
    upgrade(str(old), new)
    with pytest.raises(Unusable, match="is there already"):
        upgrade(str(old), new)
    with pytest.raises(Unusable, match="was not written by disorderBook 0.1"):
        upgrade(new, str(tmp_path / "again.db"))
