"""One file is for one exchange, under each of its names, and stays the file that was opened."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from busy_clients import Trader
from durable_market import Stoppable, play, sell, state
from fork_server import popen, run
from live import killed
from wsgi import BUY, ORDERS

from disorderbook.errors import CannotWrite
from disorderbook.in_process import CannotStart, serve
from disorderbook.ledger import file as ledger_file
from disorderbook.ledger import lock
from disorderbook.ledger.copies import back_up, export
from disorderbook.ledger.file import open_ledger
from disorderbook.ledger.location import InUse, Unusable, beside
from disorderbook.ledger.lock import FileLock

ROOT = Path(__file__).parent.parent.parent
FIRST_ORDERS, MORE_ORDERS = 5, 50

# A process that holds an exchange and runs what it reads, line by line.
HOST = """
import os, pathlib, shutil, sqlite3, sys
from disorderbook import Market, serve
from disorderbook.in_process import CannotStart
from disorderbook.ledger.copies import back_up
from disorderbook.ledger.copies import export
from disorderbook.ledger.file import open_ledger
from disorderbook.ledger.location import Unusable

file = pathlib.Path(sys.argv[1])

def refused(name):
    try:
        with serve(database=name):
            print("it was opened twice")
    except CannotStart as why:
        assert "is in use by another exchange" in str(why), why

def not_exported(name):
    try:
        export(name, "exported")
    except Unusable as why:
        assert "by an exchange under another name" in str(why), why
    else:
        raise AssertionError("what has been exported lacks the log")

def forked(code):
    child = os.fork()
    if not child:
        os._exit(code())
    assert os.waitpid(child, 0)[1] == 0

def cannot_open():
    try:
        open_ledger(str(file))
    except Unusable as why:
        return 0 if "was in use when this process was forked" in str(why) else 2
    return 1

with serve(database=file) as exchange, Market("TESTEX", "FOOBAR", "ME", url=exchange.url) as market:
    print("ready", flush=True)
    for line in sys.stdin:
        exec(line)
        print("done", flush=True)
"""


class Host:
    """A process with a private exchange on a file."""

    def __init__(self, file: Path) -> None:
        self._process = popen(
            [sys.executable, "-c", HOST, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.pid = self._process.pid
        assert self._process.stdin and self._process.stdout
        self._input, self._output = self._process.stdin, self._process.stdout
        assert self._output.readline() == "ready\n"

    def run(self, line: str) -> None:
        self._input.write(f"{line}\n")
        self._input.flush()
        assert self._output.readline() == "done\n", line

    def order(self, count: int) -> None:
        self.run(f"[market.sell(5000, 1) for _ in range({count})]")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._input.close()
        self._output.close()


@contextmanager
def hosted(file: Path) -> Iterator[Host]:
    host = Host(file)
    try:
        yield host
    finally:
        host.kill()


def read_and_close(file: Path) -> int:
    """What somebody does who looks at the database from another process; returns its orders."""
    with closing(sqlite3.connect(file)) as reader:
        return int(reader.execute("SELECT count(*) FROM orders").fetchone()[0])


def orders_kept(file: Path) -> int:
    market = Stoppable(file)
    count = market.exchange.book("TESTEX", "FOOBAR").next_id
    market.exchange.close()
    return count


@pytest.mark.parametrize(
    "meanwhile",
    [
        "refused(file)",
        "refused('symlink.db')",
        "refused('link.db')",
        "os.symlink('.', 'here'); refused('here/link.db')",
        "not_exported('link.db')",
        "export(str(file), 'exported')",
        "back_up(str(file), 'copy.db')",
        "sqlite3.connect(file).close()",
        # Nor can the host's own code lose the locks that keep the log.
        "file.read_bytes()",
        "[shutil.copy(f'{file}{end}', 'copy') for end in ('', '-wal', '-shm', '-lock')]",
        "forked(cannot_open)",
        "forked(lambda: [file.read_bytes(), exchange] and 0)",
    ],
)
def test_an_exchange_stays_safe_whatever_its_process_does_with_the_file(
    tmp_path: Path,
    meanwhile: str,
) -> None:
    file = tmp_path / "market.db"
    with hosted(file) as host:
        host.run(f"os.chdir({str(tmp_path)!r})")
        (tmp_path / "symlink.db").symlink_to(file)
        os.link(file, tmp_path / "link.db")
        host.order(FIRST_ORDERS)
        host.run(meanwhile)
        read_and_close(file)
        assert beside(file, "-wal").exists(), "the reader has removed the log that is in use"
        host.order(MORE_ORDERS)
        read_and_close(file)
    (tmp_path / "link.db").unlink()
    assert orders_kept(file) == FIRST_ORDERS + MORE_ORDERS


@pytest.mark.parametrize("name", ["market.db", "symlink.db", "link.db", "folder/symlink.db"])
def test_a_file_is_for_one_exchange_by_whichever_name(tmp_path: Path, name: str) -> None:
    file = tmp_path / "market.db"
    (tmp_path / "folder").mkdir()
    with serve(database=file):
        for link in ("symlink.db", "folder/symlink.db"):
            (tmp_path / link).symlink_to(file)
        os.link(file, tmp_path / "link.db")
        with pytest.raises(CannotStart, match=f"{name[-7:]} is in use|market.db is in use"):
            with serve(database=tmp_path / name):
                pass
        script = "import sys, disorderbook.cli.main as cli; sys.exit(cli.main(sys.argv[1:]))"
        command = [sys.executable, "-c", script, "-p", "0", "-d", str(tmp_path / name)]
        ran = run(command, timeout=60, cwd=ROOT)
        assert ran.returncode == 2 and "is in use by another exchange" in ran.stderr


def test_many_who_make_the_same_file_at_once_get_one_exchange(tmp_path: Path) -> None:
    script = (
        "import sys, time; from disorderbook.ledger.file import open_ledger\n"
        "try: open_ledger(sys.argv[1]); print('mine', flush=True)\n"
        "except Exception as why: print(type(why).__name__, flush=True)\n"
        "sys.stdin.read()\n"
    )
    racers = [
        popen(
            [sys.executable, "-c", script, str(tmp_path / "market.db")],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    said = [racer.stdout.readline() for racer in racers if racer.stdout]
    for racer in racers:
        racer.communicate("", timeout=20)
    assert sorted(said) == ["InUse\n"] * 3 + ["mine\n"]


def test_the_log_of_a_killed_exchange_is_found_by_its_own_name_only(tmp_path: Path) -> None:
    file, link = tmp_path / "market.db", tmp_path / "link.db"
    with hosted(file) as host:
        host.order(FIRST_ORDERS)
    os.link(file, link)
    for refused in (lambda: open_ledger(str(link)), lambda: export(str(link), str(tmp_path))):
        with pytest.raises(Unusable, match="link.db has another name .* its log may be beside"):
            refused()
    assert not beside(link, "-lock").exists()
    assert orders_kept(file) == FIRST_ORDERS


def test_a_file_whose_name_alone_is_locked_is_in_use_by_an_older_version(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    open_ledger(str(file))[0].close()
    with closing(lock.lock_name(file)):
        with pytest.raises(InUse):
            open_ledger(str(file))
    open_ledger(str(file))[0].close()


def test_readers_share_a_lock_that_needs_no_writing_and_an_exchange_does_not_get(
    tmp_path: Path,
) -> None:
    file = tmp_path / "market.db"
    open_ledger(str(file))[0].close()
    held = popen(
        [
            sys.executable,
            "-c",
            "import pathlib, sys; from disorderbook.ledger.lock import FileLock\n"
            "lock = FileLock(pathlib.Path(sys.argv[1]), exclusive=False)\n"
            "print('held', flush=True); sys.stdin.read(); lock.close()",
            str(file),
        ],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert held.stdout and held.stdout.readline() == "held\n"
    FileLock(file, exclusive=False).close()
    with pytest.raises(InUse):
        open_ledger(str(file))
    held.communicate("", timeout=20)
    open_ledger(str(file))[0].close()


def test_a_connection_of_the_host_keeps_its_locks_when_an_exchange_ends(tmp_path: Path) -> None:
    file, intruder = (
        tmp_path / "market.db",
        (
            "import sqlite3, sys\n"
            "connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)\n"
            "connection.execute('PRAGMA locking_mode = EXCLUSIVE')\n"
            "connection.execute('BEGIN EXCLUSIVE')"
        ),
    )
    market, parked_before = Stoppable(file), len(lock._parked)
    with closing(sqlite3.connect(file, isolation_level=None)) as notebook:
        notebook.execute("BEGIN")
        notebook.execute("SELECT count(*) FROM orders").fetchone()
        for _ in range(3):
            market.exchange.close()
            ran = run([sys.executable, "-c", intruder, str(file)], timeout=60)
            assert "locked" in ran.stderr, "the notebook's locks are lost"
            assert len(lock._parked) <= parked_before + 2  # for the database and its -shm
            market.start()
    market.exchange.close()


@pytest.mark.parametrize("end", ["", "-wal", "-shm"])
@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
def test_a_file_that_is_not_the_one_any_more_stops_changes(
    tmp_path: Path,
    end: str,
    how: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = tmp_path / "market.db"
    market = Stoppable(file)
    play(market.exchange, (("V", "S"), sell(9)))
    market.flush()
    before = state(market.exchange)
    victim = beside(file, end)
    content = victim.read_bytes()
    victim.rename(tmp_path / "elsewhere")
    if how == "deleted":
        (tmp_path / "elsewhere").unlink()
    if how == "replaced":
        victim.write_bytes(content)
    with pytest.raises(CannotWrite):
        market.flush()
    with pytest.raises(CannotWrite):
        play(market.exchange, (("V", "S"), sell(9)))
    market.flush()
    assert state(market.exchange) == before
    assert caplog.text.count(f"{victim} is not the file any more that was opened") == 1
    left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    market.exchange.close()
    # By their names, SQLite would remove what another exchange has made there meanwhile.
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == left


def test_an_order_that_was_under_way_when_the_file_was_gone_is_not_answered(
    tmp_path: Path,
) -> None:
    market = Stoppable(tmp_path / "market.db")
    market.exchange.group_commit = True
    play(market.exchange, (("V", "S"), sell(9)))
    (tmp_path / "market.db").unlink()
    with pytest.raises(CannotWrite):
        market.flush()
    with pytest.raises(CannotWrite):
        market.exchange.commit()
    market.exchange.close()


def test_a_log_that_was_moved_can_be_moved_back_after_the_end(tmp_path: Path) -> None:
    market, log = Stoppable(tmp_path / "market.db"), tmp_path / "market.db-wal"
    for _ in range(FIRST_ORDERS):
        play(market.exchange, (("V", "S"), sell(1)))
    before = state(market.exchange)
    log.rename(tmp_path / "moved")
    with pytest.raises(CannotWrite):
        market.flush()
    market.exchange.close()
    (tmp_path / "moved").rename(log)
    market.start()
    assert state(market.exchange) == before
    market.exchange.close()


def test_over_http_a_deleted_file_is_503_and_a_line_in_the_log(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    with killed("-d", str(file)) as exchange:
        trader = Trader(exchange.port, "ANN", threading.Semaphore(0))
        placed = trader.place()
        file.unlink()
        exchange.process.wait_for("market.db is not the file any more that was opened")
        refusal = (503, {"ok": False, "error": CannotWrite.sentence})
        assert trader.ask("POST", ORDERS, BUY) == refusal
        assert trader.ask("GET", f"{ORDERS}/0") == (200, placed)


def test_without_fcntl_the_name_and_this_process_are_locked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On Windows, that is."""
    monkeypatch.setattr(lock, "HAS_LOCKS", False)
    monkeypatch.setattr(lock, "OF_DESCRIPTORS", False)
    check_a_second_opening_is_refused(tmp_path)


def test_without_locks_of_descriptors_a_hard_link_is_refused_as_well(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On macOS, that is."""
    monkeypatch.setattr(lock, "OF_DESCRIPTORS", False)
    check_a_second_opening_is_refused(tmp_path)
    with serve(database=tmp_path / "market.db"):
        os.link(tmp_path / "market.db", tmp_path / "link.db")
        ran = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys; from disorderbook.ledger import lock; lock.OF_DESCRIPTORS = False\n"
                "from disorderbook.ledger.file import open_ledger\n"
                "open_ledger(sys.argv[1])",
                str(tmp_path / "link.db"),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "link.db is in use by another exchange" in ran.stderr


def check_a_second_opening_is_refused(folder: Path) -> None:
    file = folder / "market.db"
    market = Stoppable(file)
    os.link(file, folder / "link.db")
    for name in ("market.db", "link.db"):
        with pytest.raises(InUse):
            open_ledger(str(folder / name))
    (folder / "link.db").unlink()
    play(market.exchange, (("V", "S"), sell(9)))
    before = state(market.exchange)
    market.stop()
    assert state(market.exchange) == before
    market.exchange.close()


@pytest.mark.parametrize("is_starting", [True, False])
def test_a_backup_waits_for_an_exchange_that_starts_or_ends(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_starting: bool,
) -> None:
    file = tmp_path / "market.db"
    open_ledger(str(file))[0].close()
    lock, opened = FileLock(file), []

    def go_on(_: float) -> None:
        lock.close()
        if is_starting:
            opened.append(open_ledger(str(file))[0])

    monkeypatch.setattr(ledger_file.time, "sleep", go_on)
    assert back_up(str(file), str(tmp_path / "copy.db")).exists()
    assert len(opened) == is_starting
    for ledger in opened:
        ledger.close()


def test_an_export_says_why_it_refuses_and_opens_nothing_of_an_exchange(tmp_path: Path) -> None:
    (tmp_path / "empty.db").write_bytes(b"")
    with pytest.raises(Unusable, match="is empty"):
        export(str(tmp_path / "empty.db"), str(tmp_path))
    assert json.dumps(sorted(os.listdir(tmp_path))) == '["empty.db"]'
