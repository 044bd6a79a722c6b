"""Commits behind damage in a log are counted, and nothing is lost without a word."""

import errno
import os
import random
import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import pytest
from busy_clients import trade_a_little
from durable_market import Stoppable, play, sell
from live import killed, running
from program import refused

from disorderbook.in_process import CannotStart, serve
from disorderbook.ledger import wal
from disorderbook.ledger.copies import back_up, export
from disorderbook.ledger.file import open_ledger
from disorderbook.ledger.location import Unusable, beside
from disorderbook.ledger.wal import read_log

PAGE = 512
COMMITS = 12
HEADER, FRAME = 32, 24  # bytes


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with a log that has begun anew, and frames of the older salts behind its end."""
    file, copy = tmp_path / "original.db", tmp_path / "crashed.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE rows (content)")
        for commits in (3 * COMMITS, COMMITS):
            connection.execute("PRAGMA wal_checkpoint")
            for number in range(commits):
                connection.execute("INSERT INTO rows VALUES (zeroblob(?))", (300 + 97 * number,))
        for end in ("", "-wal"):
            shutil.copy(f"{file}{end}", f"{copy}{end}")
    return copy


def frames(log: bytes) -> list[bool]:
    """Of each frame of the current salts whether it is a commit."""
    found = []
    for start in range(HEADER, len(log), FRAME + PAGE):
        size, salts = struct.unpack_from(">4xI8s", log, start)
        if salts != log[16:24]:
            break
        found.append(size > 0)
    return found


def test_an_older_rounds_frames_behind_the_end_are_no_damage(database: Path) -> None:
    log = beside(database, "-wal").read_bytes()
    current = frames(log)
    assert sum(current) == COMMITS and len(log) > HEADER + len(current) * (FRAME + PAGE)
    found = read_log(database, PAGE)
    assert (found.intact, found.lost) == (len(current), 0)
    assert found.end == HEADER + len(current) * (FRAME + PAGE)


@pytest.mark.slow
def test_each_flipped_bit_is_told_with_the_commits_behind_it(database: Path) -> None:
    log = beside(database, "-wal")
    content, draw = log.read_bytes(), random.Random(3)
    current = frames(content)
    places = list(range(HEADER))  # every byte of the header, of each frame's, and some of its page
    for number in range(len(current)):
        start = HEADER + number * (FRAME + PAGE)
        places += range(start, start + FRAME)
        places += [start + FRAME + draw.randrange(PAGE) for _ in range(3)]
    for place in places:
        broken = (place - HEADER) // (FRAME + PAGE)  # -1 for the header
        changed = bytearray(content)
        changed[place] ^= 1 << draw.randrange(8)
        log.write_bytes(changed)
        found = read_log(database, PAGE)
        assert found.lost == sum(current[broken + 1 :]), place
        assert found.intact == max(broken, 0), place
        ends = [number + 1 for number, commit in enumerate(current[: max(broken, 0)]) if commit]
        assert found.end == (HEADER + ends[-1] * (FRAME + PAGE) if ends else 0)


def test_sqlite_reads_as_much_as_this(database: Path, tmp_path: Path) -> None:
    """What `end` says is where SQLite stops."""
    content, draw = beside(database, "-wal").read_bytes(), random.Random(4)
    for number in range(30):
        changed = bytearray(content)
        changed[draw.randrange(HEADER, len(content) // 3)] ^= 16
        rows = []
        for name, log in ((f"{number}-a.db", bytes(changed)), (f"{number}-b.db", None)):
            copy = tmp_path / name
            shutil.copy(database, copy)
            beside(copy, "-wal").write_bytes(changed)
            if log is None:
                beside(copy, "-wal").write_bytes(changed[: read_log(copy, PAGE).end])
            with closing(sqlite3.connect(copy)) as connection:
                rows.append(connection.execute("SELECT count(*) FROM rows").fetchone())
        assert rows[0] == rows[1]


def test_a_log_that_is_cut_short_has_nothing_behind_its_end(database: Path) -> None:
    content = beside(database, "-wal").read_bytes()
    end = HEADER + len(frames(content)) * (FRAME + PAGE)
    for length in [0, 1, HEADER - 1, HEADER, HEADER + 1, *range(HEADER, end, 97)]:
        beside(database, "-wal").write_bytes(content[:length])
        assert read_log(database, PAGE).lost == 0


def test_a_burst_over_the_header_and_the_first_frame_is_told(database: Path) -> None:
    content = bytearray(beside(database, "-wal").read_bytes())
    current = frames(content)
    content[: HEADER + FRAME + PAGE] = bytes(HEADER + FRAME + PAGE)
    beside(database, "-wal").write_bytes(content)
    assert read_log(database, PAGE).lost == sum(current[1:])


def test_a_log_that_another_program_cuts_off_meanwhile_is_no_end_of_this_one(
    database: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As `PRAGMA wal_checkpoint(TRUNCATE)` does. Reading a mapping of it would be a SIGBUS."""

    def cut_off_meanwhile(*values: object) -> tuple[int, int]:
        os.truncate(beside(database, "-wal"), 0)
        return checksum(*values)

    checksum = wal._checksum
    beside(database, "-wal").write_bytes(beside(database, "-wal").read_bytes() + bytes(1 << 20))
    monkeypatch.setattr(wal, "_checksum", cut_off_meanwhile)
    with pytest.raises(OSError, match="another program has cut its log off meanwhile"):
        read_log(database, PAGE)


def test_there_need_be_no_log(tmp_path: Path) -> None:
    assert read_log(tmp_path / "market.db", PAGE) == (0, 0, 0, 0)


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """A market of 20 orders with a flipped bit in the middle of its log."""
    market, copy = Stoppable(tmp_path / "original.db"), tmp_path / "market.db"
    for _ in range(20):
        play(market.exchange, (("V", "S"), sell(1)))
    for end in ("", "-wal"):
        shutil.copy(tmp_path / f"original.db{end}", f"{copy}{end}")
    market.exchange.close()
    content = bytearray(beside(copy, "-wal").read_bytes())
    content[len(content) // 2] ^= 1
    beside(copy, "-wal").write_bytes(content)
    return copy


def files(file: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in file.parent.iterdir()
        if path.name.startswith(f"{file.name}") and not path.name.endswith(("-lock", "-shm"))
    }


def test_a_market_with_commits_behind_damage_is_refused_and_left_alone(
    crashed: Path,
    tmp_path: Path,
) -> None:
    before = files(crashed)
    for use in (
        lambda: open_ledger(str(crashed)),
        lambda: export(str(crashed), str(tmp_path / "csv")),
        lambda: back_up(str(crashed), str(tmp_path / "copy.db")),
    ):
        with pytest.raises(
            Unusable,
            match=r"-wal is damaged: \d+ commits stand behind frame \d+ "
            "of .*--drop-damaged-log goes on without them and keeps a copy",
        ):
            use()
    assert files(crashed) == before
    assert not (tmp_path / "csv").exists() and not (tmp_path / "copy.db").exists()


def test_without_them_the_market_before_the_damage_goes_on(
    crashed: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = beside(crashed, "-wal").read_bytes()
    ledger, market = open_ledger(str(crashed), drop_damaged_log=True)
    assert 0 < market.books[0].next_id < 20
    ledger.close()
    assert Path(f"{crashed}-wal-damaged-1").read_bytes() == log
    assert "commits were dropped with a damaged log" in caplog.text
    again = Stoppable(crashed)  # nothing is damaged any more
    assert again.exchange.book("V", "S").next_id == market.books[0].next_id
    again.exchange.close()


def test_a_private_exchange_goes_on_without_them_only_if_told_to(crashed: Path) -> None:
    with pytest.raises(CannotStart, match="damage"), serve(database=crashed):
        pass
    with serve(database=crashed, drop_damaged_log=True) as exchange:
        assert exchange.venue == "V"
    assert Path(f"{crashed}-wal-damaged-1").exists()


def test_an_older_copy_of_a_log_is_never_replaced(crashed: Path) -> None:
    Path(f"{crashed}-wal-damaged-1").write_bytes(b"older")
    open_ledger(str(crashed), drop_damaged_log=True)[0].close()
    assert Path(f"{crashed}-wal-damaged-1").read_bytes() == b"older"
    assert Path(f"{crashed}-wal-damaged-2").exists()


def test_a_market_that_is_not_whole_without_them_keeps_its_log(crashed: Path) -> None:
    content = bytearray(crashed.read_bytes())
    content[100:] = bytes(len(content) - 100)
    crashed.write_bytes(content)
    beside(crashed, "-wal").write_bytes(
        b"\0" + beside(crashed, "-wal").read_bytes()[1:]  # so that the whole log is dropped
    )
    before = files(crashed)
    with pytest.raises(Unusable, match="market.db is damaged"):
        open_ledger(str(crashed), drop_damaged_log=True)
    assert files(crashed) == before


def test_a_copy_of_a_log_that_does_not_fit_on_the_disk_is_not_left_by_halves(
    crashed: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(source: BinaryIO, target: BinaryIO) -> None:
        target.write(source.read(100))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = files(crashed)
    monkeypatch.setattr(wal.shutil, "copyfileobj", fail)
    with pytest.raises(Unusable, match="No space left on device"):
        open_ledger(str(crashed), drop_damaged_log=True)
    assert files(crashed) == before


def test_a_log_is_not_cut_off_under_another_program(crashed: Path) -> None:
    before = files(crashed)
    with closing(sqlite3.connect(crashed)) as reader:
        reader.execute("SELECT count(*) FROM orders").fetchone()
        with pytest.raises(Unusable, match="is open in another program"):
            open_ledger(str(crashed), drop_damaged_log=True)
        assert files(crashed) == before


def test_a_start_says_it_in_one_sentence_and_goes_on_with_the_option(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    with killed("-d", str(file)) as exchange:
        for _ in range(30):
            trade_a_little(exchange.port)
    content = bytearray(beside(file, "-wal").read_bytes())
    content[len(content) // 2] ^= 1
    beside(file, "-wal").write_bytes(content)
    assert "--drop-damaged-log goes on without" in refused("-p", "0", "-d", str(file))
    with running("-d", str(file), "--drop-damaged-log") as exchange:
        assert trade_a_little(exchange.port)["id"] < 30
