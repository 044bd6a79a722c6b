"""Files that will not do: each is refused in one sentence, and stays as it was."""

import errno
import os
import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from durable_market import Stoppable, play, sell

from disorderbook.ledger.copies import back_up, export
from disorderbook.ledger.file import open_ledger
from disorderbook.ledger.location import Unusable
from disorderbook.ledger.lock import FileLock
from disorderbook.ledger.tables import SCHEMA_VERSION


def contents(folder: Path) -> dict[str, bytes]:
    """All files but those that SQLite and the lock put beside a database."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if not path.name.endswith(("-lock", "-shm")) and path.read_bytes()
    }


def refused(file: Path) -> str:
    """Why a file is refused, once that has left everything as it was."""
    before = contents(file.parent)
    with pytest.raises(Unusable) as refusal:
        open_ledger(str(file))
    assert contents(file.parent) == before
    assert "\n" not in str(refusal.value) and str(file) in str(refusal.value)
    return str(refusal.value)


def test_an_sqlite_that_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    market = tmp_path / "market.db"
    open_ledger(str(market))[0].close()
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 32, 3))
    sentence = "this Python has SQLite .*, and a market in a file needs 3.33.0 or newer"
    for name in ("market.db", "new.db"):
        assert re.search(sentence, refused(tmp_path / name))
    for reads in (back_up, export):
        with pytest.raises(Unusable, match=sentence):
            reads(str(market), str(tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()
    monkeypatch.undo()
    open_ledger(str(market))[0].close()


@pytest.mark.parametrize(
    "content, why",
    [
        (b"", "is empty"),
        (b"S", "is no database"),
        (b"account,price\n" * 999, "is no database"),
        (b"SQLite format 3\0", "is damaged: file is not a database"),
        (b"SQLite format 3\0" + b"x" * 9999, "is damaged: file is not a database"),
    ],
)
def test_what_is_no_database(tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "market.db"
    file.write_bytes(content)
    assert why in refused(file)


def test_what_a_disk_cannot_read_is_told_in_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    file = tmp_path / "market.db"
    open_ledger(str(file))[0].close()
    monkeypatch.setattr(FileLock, "beginning", fail)
    for use in (open_ledger, lambda name: back_up(name, f"{name}-copy")):
        with pytest.raises(Unusable, match="market.db cannot be used: Input/output error"):
            use(str(file))


def test_somebody_elses_database(tmp_path: Path) -> None:
    file = tmp_path / "photos.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE ledger (schema_version)")
    connection.close()
    assert "is a database, but no ledger" in refused(file)


def test_a_newer_version(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    open_ledger(str(file))[0].close()
    connection = sqlite3.connect(file)
    connection.execute("UPDATE ledger SET schema_version = schema_version + 1")
    connection.commit()
    connection.close()
    why = refused(file)
    assert f"newer disorderBook, in version {SCHEMA_VERSION + 1} of the schema" in why


def test_a_folder_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Unusable, match="folder cannot be used: it is a directory"):
        open_ledger(str(tmp_path / "folder"))
    with pytest.raises(Unusable, match="cannot be used: No such file or directory"):
        open_ledger(str(tmp_path / "nowhere" / "market.db"))


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal", "-lock", "-new"])
@pytest.mark.parametrize("kind", ["a FIFO", "a socket", "a device", "a directory"])
def test_what_is_no_file_is_neither_opened_nor_joined_by_others(
    tmp_path: Path,
    kind: str,
    end: str,
) -> None:
    other = tmp_path / f"market.db{end}"
    listener = socket.socket(socket.AF_UNIX)
    if kind == "a FIFO":
        os.mkfifo(other)
    elif kind == "a socket":
        listener.bind(os.path.relpath(other))  # its name may be too long otherwise
    elif kind == "a device":
        other.symlink_to("/dev/null")
    else:
        other.mkdir()
    for use in (
        lambda file: open_ledger(file),
        lambda file: export(file, str(tmp_path / "csv")),
        lambda file: back_up(file, str(tmp_path / "copy")),
    ):
        with pytest.raises(Unusable, match=f" cannot be used: it is {kind}$"):
            use(str(tmp_path / "market.db"))
    assert os.listdir(tmp_path) == [other.name]
    listener.close()


def test_a_loop_of_links_a_name_with_a_nul_and_no_file_at_all(tmp_path: Path) -> None:
    (tmp_path / "one.db").symlink_to("two.db")
    (tmp_path / "two.db").symlink_to("one.db")
    for name, why in (
        (str(tmp_path / "one.db"), "cannot be used: .*(loop|symbolic links)"),
        (f"{tmp_path}/a\0b", "cannot be used: "),
        (":memory:", "is no file"),
    ):
        with pytest.raises(Unusable, match=why) as refusal:
            open_ledger(name)
        assert "\n" not in str(refusal.value)
    assert sorted(os.listdir(tmp_path)) == ["one.db", "two.db"]


def test_a_log_whose_database_is_gone(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    play(market.exchange, (("V", "S"), sell(9)))
    (tmp_path / "market.db").rename(tmp_path / "elsewhere.db")
    (tmp_path / "market.db-lock").unlink()
    assert "is missing, but the log of its last changes is in" in refused(tmp_path / "market.db")
    market.exchange.close()


@contextmanager
def as_nobody(folder: Path) -> Iterator[None]:
    """Without the superuser's right to write to anything, but with this folder's."""
    user = os.geteuid()
    folder.chmod(0o777)
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_file_that_is_for_reading_only() -> None:
    with TemporaryDirectory() as folder, as_nobody(Path(folder)):
        file = Path(folder, "market.db")
        open_ledger(str(file))[0].close()
        file.chmod(0o444)
        assert "cannot be used: Permission denied" in refused(file)


def test_a_file_that_another_exchange_uses(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    (tmp_path / "link").symlink_to(tmp_path / "market.db")
    for name in ("market.db", "link"):
        with pytest.raises(Unusable, match="market.db is in use by another exchange"):
            open_ledger(str(tmp_path / name))
    market.stop()
    market.exchange.close()
