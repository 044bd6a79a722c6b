"""What is read of a market to be replayed: all that happened, or a sentence."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from recorded_market import START, Original, exported, replaying

from disorderbook.ledger import recording as recording_module
from disorderbook.ledger.base import StoredRun
from disorderbook.ledger.copies import EXPORTS, upgrade
from disorderbook.ledger.location import Unusable
from disorderbook.ledger.recording import RecordedEvent, Recording, read_recording
from disorderbook.ledger.tables import SCHEMA_VERSION, Summary, write_summary
from disorderbook.protocol.names import NANOSECONDS

DATA = Path(__file__).parent / "data"
Change = Callable[[str], str]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with market.db, and its export in csv/."""
    folder = tmp_path_factory.mktemp("original")
    Original(folder / "market.db", [("V", "S")]).trade(60).close()
    exported(folder / "market.db", folder / "csv")
    return folder


def events_of(path: Path) -> list[RecordedEvent]:
    with closing(read_recording(str(path))) as recording:
        return all_events(recording)


def all_events(recording: Recording) -> list[RecordedEvent]:
    events: list[RecordedEvent] = []
    while found := recording.portion(len(events)):
        events += found
    return events


def test_a_file_and_its_export_have_the_same_events_in_the_order_of_time(original: Path) -> None:
    with closing(read_recording(str(original / "market.db"))) as recording:
        events = all_events(recording)
        assert (recording.places, recording.left_out) == ([("V", "S")], 0)
        assert recording.orders + recording.cancels == len(events) > recording.orders > 40
        assert START < recording.first == recording.start + NANOSECONDS
        assert recording.last == events[-1].ts
    assert events == events_of(original / "csv")
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert sorted(events, key=lambda event: event.ts) == events
    cancelled = {event.order_id for event in events if event.new is None}
    assert {event.order_id for event in events if event.is_cancelled} == cancelled != set()


def test_events_are_read_in_portions(original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = events_of(original / "market.db")
    monkeypatch.setattr(recording_module, "EVENTS_AT_ONCE", 7)
    with closing(read_recording(str(original / "market.db"))) as recording:
        assert len(recording.portion(7)) == 7
        assert all_events(recording) == expected


def test_a_market_in_use_and_one_that_was_killed_have_what_their_journals_have(
    tmp_path: Path,
) -> None:
    market = Original(tmp_path / "market.db").trade(50)
    market.exchange.flush()
    market.trade(30)  # in the journal only
    killed = tmp_path / "killed.db"
    for end in ("", "-wal"):
        shutil.copy(f"{market.file}{end}", f"{killed}{end}")
    before = killed.read_bytes()
    in_use, after_a_kill = events_of(market.file), events_of(killed)
    assert killed.read_bytes() == before
    with closing(sqlite3.connect(killed)) as connection:
        (journaled,) = connection.execute("SELECT count(*) FROM journal").fetchone()
    assert journaled > 20
    market.trade(1)
    whole = events_of(market.close())
    assert in_use == after_a_kill == whole[: len(in_use)] and 70 < len(in_use) <= 80


def test_books_without_orders_are_opened_and_levels_are_left_out(tmp_path: Path) -> None:
    market = Original(tmp_path / "market.db", [("LEVEL", "L"), ("V", "S")])
    with market.exchange.transaction():
        market.exchange.book("V", "EMPTY")
    market.trade(20)
    run = StoredRun("LEVEL", "L", 1, "p", "first_steps", "A", 7, False, START, None, True)
    with market.exchange.transaction():
        market.exchange._ledger.record_run(run)
    with closing(read_recording(str(market.close()))) as recording:
        assert recording.places == [("V", "EMPTY"), ("V", "S")]
        assert recording.left_out == 1
        assert {event.place for event in all_events(recording)} == {("V", "S")}


def line(number: int, change: Change) -> Change:
    """Change one line, counted from 0, the first of which names the columns."""

    def changed(text: str) -> str:
        lines = text.split("\r\n")
        lines[number] = change(lines[number])
        return "\r\n".join(each for each in lines if each)  # an empty one is gone

    return lambda text: f"{changed(text)}\r\n"


def cell(number: int, content: str) -> Change:
    """Change a cell of the first order or execution."""

    def changed(text: str) -> str:
        cells = text.split(",")
        cells[number] = content
        return ",".join(cells)

    return line(1, changed)


ORDERS = [
    (lambda text: text[:-2], "line [0-9]+: it is cut"),
    (lambda text: text[:-20], "line [0-9]+: it is cut"),
    (lambda text: text[: text.rindex("\r\n", 0, -2) + 2], "is missing|are not complete"),
    (lambda text: "", "line 0: these are not the columns"),
    (lambda text: text.replace("venue", "market", 1), "line 1: these are not the columns"),
    (lambda text: f"{text}\0\r\n", "line [0-9]+: "),
    (lambda text: f'{text}"{"x" * 20000}', "line [0-9]+: .*over 10000 characters"),
    (lambda text: f'{text}"a"b\r\n', "line [0-9]+: "),
    (line(5, lambda text: ""), "missing|not complete"),
    (line(5, lambda text: f"{text}\r\n{text}"), "line 7: an order is there twice"),
    (line(5, lambda text: f"{text},"), "line 6: there are 16 cells instead of 15"),
    (cell(2, "-1"), "line 2: id is -1"),
    (cell(2, "1e3"), "line 2: '1e3' is no integer"),
    (cell(3, "x" * 256), "line 2: a name has over 255 characters"),
    (cell(4, "hold"), "line 2: 'hold' and '.*' are no side and type"),
    (cell(6, "2147483648"), "line 2: price is 2147483648"),
    (cell(7, "0"), "line 2: quantity is 0"),
    (cell(8, "today"), "line 2: 'today' is no time"),
    (cell(8, "2023-02-30T00:00:00.000000000Z"), "line 2: .* is no time"),
    (cell(8, "2300-01-01T00:00:00.000000000Z"), "line 2: ts is "),
    (cell(8, "2100-01-01T00:00:00.000000000Z"), "event 0 .* at a wrong time|closed_at is"),
    (cell(10, "-1"), "line 2: filled is -1"),
    (cell(11, "7"), "event 0 of S at V is missing, there twice, or at a wrong time"),
]
EXECUTIONS = [
    (line(2, lambda text: ""), "the executions of order [0-9]+ of S at V are not complete"),
    (line(2, lambda text: f"{text}\r\n{text}"), "executions of order [0-9]+ .* are not complete"),
    (lambda text: text[:-2], "line [0-9]+: it is cut"),
    (cell(1, '"\x1b\nW"'), r"and no order, of S at '.x1b.nW'"),
    (cell(1, "W"), "line 2: there is an execution, and no order, of S at W"),
    (cell(3, "999"), "order 999 of S at V is missing, of which executions tell"),
    (cell(4, "999"), "order 999 of S at V is missing, of which executions tell"),
    (cell(5, "-1"), "line 2: price is -1"),
    (cell(6, "0"), "line 2: quantity is 0"),
    (lambda text: f"{text}\udcff", "can't decode"),
]


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [("orders.csv", *case) for case in ORDERS] + [("executions.csv", *case) for case in EXECUTIONS],
)
def test_a_damaged_export_is_refused(
    original: Path, tmp_path: Path, name: str, change: Change, sentence: str
) -> None:
    for file in (original / "csv").iterdir():
        if file.name.endswith(".csv"):
            shutil.copy(file, tmp_path)
    with (tmp_path / name).open(newline="") as opened:
        text = opened.read()
    with (tmp_path / name).open("w", newline="", errors="surrogateescape") as opened:
        opened.write(change(text))
    with pytest.raises(Unusable, match=f"is damaged: .*({sentence})"):
        read_recording(str(tmp_path))


def test_what_is_no_market_is_refused(original: Path, tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"nothing\.db does not exist"):
        read_recording(str(tmp_path / "nothing.db"))
    with pytest.raises(Unusable, match=r"orders\.csv does not exist, which an export has"):
        read_recording(str(tmp_path))
    shutil.copy(original / "csv" / "orders.csv", tmp_path)
    with pytest.raises(Unusable, match=r"executions\.csv does not exist"):
        read_recording(str(tmp_path))
    with pytest.raises(Unusable, match="is no database"):
        read_recording(str(tmp_path / "orders.csv"))
    with pytest.raises(Unusable, match="embedded null byte"):
        read_recording("a\0b")
    lines = [(original / "csv" / name).read_text().splitlines() for name in EXPORTS]
    for name, (columns, *_) in zip(EXPORTS, lines, strict=True):
        (tmp_path / name).write_text(f"{columns}\n")
    with pytest.raises(Unusable, match="has no orders to replay$"):
        read_recording(str(tmp_path))


def changed_copy(original: Path, copy: Path, statement: str) -> Path:
    shutil.copy(original / "market.db", copy)
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute(statement)
    return copy


def test_a_damaged_file_and_one_of_another_version_are_refused(
    original: Path, tmp_path: Path
) -> None:
    for number, (statement, sentence) in enumerate(
        [
            ("UPDATE orders SET price = price + 1 WHERE id = 3", "is damaged: the checksum"),
            ("UPDATE executions SET quantity = 1 WHERE number = 2", "is damaged: the checksum"),
            ("DELETE FROM executions WHERE number = 2", "is damaged: "),
            ("DELETE FROM orders WHERE id = 3", "is damaged: "),
        ]
    ):
        copy = changed_copy(original, tmp_path / f"{number}.db", statement)
        before = copy.read_bytes()
        with pytest.raises(Unusable, match=sentence):
            read_recording(str(copy))
        assert copy.read_bytes() == before
    cut = tmp_path / "cut.db"
    cut.write_bytes((original / "market.db").read_bytes()[:-5000])
    with pytest.raises(Unusable, match="is damaged"):
        read_recording(str(cut))
    newer = tmp_path / "newer.db"
    shutil.copy(original / "market.db", newer)
    with closing(sqlite3.connect(newer, isolation_level=None)) as connection:
        write_summary(connection, Summary(SCHEMA_VERSION + 1, 1, 0, 0))
    with pytest.raises(Unusable, match="was written by a newer disorderBook"):
        read_recording(str(newer))
    with pytest.raises(Unusable, match="was written by disorderBook 0.1"):
        for name in ("market-0.1.db", "market-0.1.db-wal"):
            shutil.copy(DATA / name, tmp_path)
        read_recording(str(tmp_path / "market-0.1.db"))


def test_a_market_of_version_0_1_does_not_say_when_orders_were_cancelled(tmp_path: Path) -> None:
    for name in ("market-0.1.db", "market-0.1.db-wal"):
        shutil.copy(DATA / name, tmp_path)
    new = upgrade(str(tmp_path / "market-0.1.db"), str(tmp_path / "new.db"))
    with pytest.raises(Unusable, match="was cancelled was not written down by version 0.1"):
        read_recording(str(new))


def test_several_books_stay_where_they_were(tmp_path: Path) -> None:
    file = Original(tmp_path / "market.db").trade(20).close()
    with pytest.raises(Unusable, match="has 3 books, and only a single one can be replayed at"):
        read_recording(str(file), ("N", "T"))


def test_a_full_disk_is_told(original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with replaying(original / "market.db") as services:
        assert services.replay is not None
    with monkeypatch.context() as patched:
        patched.setattr(recording_module.sqlite3, "connect", fail)
        with pytest.raises(Unusable, match=re.escape("The temporary copy of ")):
            read_recording(str(original / "market.db"))
