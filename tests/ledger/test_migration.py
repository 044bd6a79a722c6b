"""A file that an older version of the tables has goes on as one of this version.

data/market-schema-1.db and its log were written by an exchange of the first schema, which did not
store levels yet, and was killed: two books, orders of each type, the longest names, the highest
price, cancels, and a journal. data/market-schema-1.json is what that exchange had answered, by
path.
"""

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from controlled_market import Assembled
from durable_market import Stoppable, make_older, state

from disorderbook.accounts import Accounts
from disorderbook.assembly import MarketSettings, assemble
from disorderbook.ledger import file as ledger_file
from disorderbook.ledger.file import open_ledger
from disorderbook.ledger.location import Unusable

DATA = Path(__file__).parent / "data"
NAME = "market-schema-1.db"
STEPS = 11  # between the statements of the migrations that a kill comes at


def copied(source: Path, folder: Path) -> Path:
    """A market's files as they are now, in another folder."""
    folder.mkdir()
    for end in ("", "-wal", "-journal"):
        if source.with_name(f"{source.name}{end}").exists():
            shutil.copy(f"{source}{end}", folder)
    return folder / source.name


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return copied(DATA / NAME, tmp_path / "old")


def test_everything_that_was_answered_is_answered_the_same(old: Path) -> None:
    expected = json.loads((DATA / "market-schema-1.json").read_text())
    with assemble(MarketSettings(database=str(old)), Accounts()) as services:
        client = Assembled(services)
        assert {path: client("GET", path).json for path in expected} == expected
    assert len(expected) == 38


def test_positions_and_their_trades_are_those_of_the_executions(old: Path) -> None:
    market = Stoppable(old)
    for venue in market.exchange.venues():
        for book in market.exchange.books(venue):
            cash, shares = Counter[str](), Counter[str]()
            for number in range(book.next_id):
                order = market.exchange.order(venue, book.symbol, number)
                sign = 1 if order.side.name == "BUY" else -1
                for fill in order.fills:
                    shares[order.account] += sign * fill.quantity
                    cash[order.account] -= sign * fill.quantity * fill.price
            held = book.position_list
            assert {p.account: p.shares for p in held} == shares
            assert {p.account: p.cash for p in held} == cash
            assert all(position.trades > 0 for position in held)
    market.exchange.close()


def layout(file: Path) -> dict[str, object]:
    """The tables, views and indexes of a file, and their columns, in any order."""
    with closing(sqlite3.connect(file)) as connection:
        names = connection.execute("SELECT name, type FROM sqlite_schema").fetchall()
        return {
            name: (kind, sorted(row[1:4] for row in connection.execute(f"PRAGMA {info}({name})")))
            for name, kind in names
            for info in [f"{'index' if kind == 'index' else 'table'}_info"]
        }


def test_a_migrated_file_has_what_a_new_one_has(old: Path, tmp_path: Path) -> None:
    for file in (old, tmp_path / "new.db"):
        open_ledger(str(file))[0].close()
    assert layout(old) == layout(tmp_path / "new.db")


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch, file: Path, into: Path) -> Iterator[list[Path]]:
    """Copies of a market's files as kills in the midst of its migration would leave them."""
    copies: list[Path] = []
    statements = iter(range(1000))

    def connect(place: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(place, isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")  # so pages are written before the commit
        connection.set_trace_callback(look)
        return connection

    def look(_: str) -> None:
        number = next(statements)
        if number % STEPS == 0:
            copies.append(copied(file, into / str(number)))

    with monkeypatch.context() as patch:
        patch.setattr(ledger_file, "_connection", connect)
        yield copies


@pytest.mark.parametrize("is_at_rest", [False, True], ids=["killed before", "at rest before"])
def test_a_kill_in_the_midst_of_a_migration_changes_nothing(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_at_rest: bool
) -> None:
    if is_at_rest:  # the log is in the file, and a journal beside it undoes the migration
        with closing(sqlite3.connect(old)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    sizes = {old.stat().st_size}
    with watched(monkeypatch, old, tmp_path) as copies:
        market = Stoppable(old)
    expected = state(market.exchange)
    market.exchange.close()
    for copy in copies:
        sizes.add(copy.stat().st_size + sum(p.stat().st_size for p in copy.parent.iterdir()))
        again = Stoppable(copy)
        assert state(again.exchange) == expected
        again.exchange.close()
        assert layout(copy) == layout(old)
    assert len(copies) >= 4 and len(sizes) > 2  # pages were written before the kills


def test_a_disk_that_is_full_leaves_the_older_file(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(place: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(place, isolation_level=None)
        [pages] = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 3}")
        return connection

    before = Stoppable(copied(old, tmp_path / "reference"))
    with monkeypatch.context() as patch:
        patch.setattr(ledger_file, "_connection", connect)
        with pytest.raises(Unusable, match="cannot be used: database or disk is full"):
            open_ledger(str(old))
    after = Stoppable(old)
    assert state(after.exchange) == state(before.exchange)
    after.exchange.close()
    before.exchange.close()


@pytest.mark.parametrize(
    "change", ["books SET opened = '2015-01-01T00:00:00.000000000Z'", "positions SET lowest = -5"]
)
@pytest.mark.parametrize("version", [1, 5])
def test_damage_is_found_before_rows_are_signed_anew(
    old: Path, tmp_path: Path, version: int, change: str
) -> None:
    if version > 1:
        open_ledger(str(old))[0].close()
        make_older(old, version)
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        connection.execute(f"UPDATE {change} WHERE number = 2")
    with pytest.raises(Unusable, match="is damaged: the checksum of a (book|position) is wrong"):
        open_ledger(str(old))
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("SELECT schema_version FROM ledger").fetchone() == (version,)
