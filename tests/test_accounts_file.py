"""The file of names and keys: what it may hold, and that it is followed."""

import json
import logging
import os
import re
import threading
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

import pytest
from live import Exchange, running
from raw_http import wait_until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from wsgi import BUY, ORDERS

from disorderbook import accounts as accounts_module
from disorderbook.accounts import Accounts, AccountsFile, read_admin_key, read_keys
from disorderbook.errors import WrongKey

PATIENCE = 20.0  # seconds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.json"
    path.write_text('{"ANN": "annkey"}')
    return path


def lets_in(accounts: Accounts, account: str, key: str) -> bool:
    try:
        accounts.authorize(account, key)
    except WrongKey:
        return False
    return True


def test_the_example_file_has_the_bots() -> None:
    accounts = AccountsFile(str(Path(__file__).parent.parent / "accounts.json")).accounts
    for account, key in (
        ("NOISEBOTS", "noisekey"),
        ("BLSHBOTS", "blshkey"),
        ("EXTREMEBOT", "extremekey"),
        ("MAKERBOTS", "makerkey"),
        ("TAKERBOTS", "takerkey"),
    ):
        accounts.authorize(account, key)


@pytest.mark.parametrize(
    "encoding",
    [
        "utf-8",
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_files_as_windows_editors_write_them_are_read(path: Path, encoding: str, mark: str) -> None:
    if encoding in ("utf-8-sig", "utf-16") and mark:
        pytest.skip("the codec writes a mark of its own")
    text = f'{mark}{{\r\n "ZO\u00cb": "schl\u00fcssel"\r\n}}\r\n'
    path.write_bytes(text.encode(encoding))
    assert read_keys(str(path)) == {"ZO\u00cb": "schl\u00fcssel"}


@pytest.mark.parametrize(
    "content, complaint",
    [
        ("{", "is not valid JSON"),
        ("[]", "must hold a JSON object"),
        ('{"A": 1}', "the key of 'A' is none"),
        ("", "is not valid JSON"),
        ("{}", "names no account"),
        ('{"A": ""}', "key that cannot be sent"),
        ('{"A": " k "}', "cannot be sent"),
        ('{"A": "\\ud800"}', "cannot be sent"),
        ('{"": "k"}', "cannot be named"),
        ('{"A\\ud800": "k"}', "cannot be named"),
        (f'{{"{"A" * 256}": "k"}}', "cannot be named"),
        ('{"A": "k", "B": "k"}', "the same key to two accounts, 'A' and 'B'"),
        ("[" * 100_000, "nested too deeply"),
        ('{"A": "k", "A": "l"}', "the name 'A' stands there twice"),
        (b'{"A": "\xff"}', "no utf-8 text"),
        (b"\xff\xfe{", "no utf-16"),
    ],
)
def test_a_malformed_file_is_refused_in_a_sentence(
    path: Path, content: str | bytes, complaint: str
) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=complaint):
        AccountsFile(str(path))


def test_a_file_that_is_not_there_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        AccountsFile(str(tmp_path / "none.json"))


def test_a_file_that_has_changed_is_read_again(path: Path) -> None:
    file = AccountsFile(str(path))
    path.write_text('{"ANN": "newkey", "BOB": "bobkey"}')
    file.check()
    assert lets_in(file.accounts, "ANN", "newkey") and lets_in(file.accounts, "BOB", "bobkey")
    assert not lets_in(file.accounts, "ANN", "annkey")


@pytest.mark.parametrize("way", ["mtime", "inode"])
def test_a_change_to_as_many_bytes_is_seen(path: Path, way: str) -> None:
    file, before = AccountsFile(str(path)), path.stat()
    other = path if way == "mtime" else path.with_name("other")
    other.write_text('{"ANN": "newkey"}')
    if way == "inode":
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.replace(path)
    else:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    file.check()
    assert lets_in(file.accounts, "ANN", "newkey")


def test_a_file_that_has_not_changed_is_not_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = AccountsFile(str(path))
    monkeypatch.setattr(accounts_module, "read_keys", lambda path: pytest.fail("it was read"))
    file.check()


@pytest.mark.parametrize(
    "content, complaint",
    [
        ('{"ANN": "secret', "is not valid JSON"),
        ('{"ANN": "secret", "BOB": "secret"}', "same key"),
        ('{"ANN": "secret;"}', "cannot be sent"),
        ("{}", "names no account"),
        (None, "No such file"),
    ],
)
def test_a_wrong_file_changes_nothing_and_is_logged_once(
    path: Path, caplog: pytest.LogCaptureFixture, content: str | None, complaint: str
) -> None:
    file = AccountsFile(str(path))
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    for _ in range(3):
        file.check()
    assert lets_in(file.accounts, "ANN", "annkey") and file.accounts.version == 0
    (line,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert complaint in line and str(path) in line and "secret" not in line
    path.write_text('{"ANN": "newkey"}')
    file.check()
    assert lets_in(file.accounts, "ANN", "newkey")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_is_not_waited_for(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = AccountsFile(str(path))
    path.unlink()
    os.mkfifo(path)
    file.check()
    assert lets_in(file.accounts, "ANN", "annkey") and "no ordinary file" in caplog.text


def test_it_looks_by_itself_within_its_block(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts_module, "CHECK_SECONDS", 0.01)
    before = set(threading.enumerate())
    with AccountsFile(str(path)) as accounts:
        path.write_text('{"BOB": "bobkey"}')
        wait_until(lambda: lets_in(accounts, "BOB", "bobkey"))
        assert set(threading.enumerate()) - before
    path.write_text('{"ANN": "annkey"}')
    assert set(threading.enumerate()) <= before


def ask(exchange: Exchange, method: str, path: str, key: str, body: object = None) -> int:
    """The status of an answer."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{exchange.port}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"X-Starfighter-Authorization": key},
    )
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            return int(answer.status)
    except HTTPError as refusal:
        with refusal:
            return refusal.code


def test_a_running_exchange_follows_its_file(path: Path) -> None:
    path.write_text('{"ANN": "annkey", "BOB": "bobkey"}')
    with running("-a", str(path), "-w", "--wsport", "0") as exchange:
        port = exchange.process.wait_for(r"ws://127\.0\.0\.1:(\d+)/ob/api/ws/")[1]
        url = f"ws://127.0.0.1:{port}/ob/api/ws/{{}}/venues/TESTEX/{{}}"
        with (
            connect(f"{url.format('ANN', 'executions')}?api_key=annkey", proxy=None) as gone,
            connect(f"{url.format('BOB', 'executions')}?api_key=bobkey", proxy=None) as stays,
            connect(url.format("ANN", "tickertape"), proxy=None) as ticker,
        ):
            assert ask(exchange, "POST", ORDERS, "annkey", BUY) == 200
            assert json.loads(ticker.recv(PATIENCE))["quote"]["bid"] == BUY["price"]
            path.write_text('{"BOB": "bobkey", "CAT": "catkey"}')
            with pytest.raises(ConnectionClosed) as closing:
                gone.recv(PATIENCE)
            assert closing.value.rcvd is not None and closing.value.rcvd.code == 1008
            assert closing.value.rcvd.reason == "the key is not valid any more"
            assert ask(exchange, "POST", ORDERS, "annkey", BUY) == 401
            assert ask(exchange, "DELETE", f"{ORDERS}/0", "annkey") == 401
            sell = BUY | {"account": "BOB", "direction": "sell"}
            # It meets the order of the account that is gone.
            assert ask(exchange, "POST", ORDERS, "bobkey", sell) == 200
            assert json.loads(stays.recv(PATIENCE))["standingId"] == 0
            assert json.loads(ticker.recv(PATIENCE))["quote"]["lastSize"] == BUY["qty"]
            assert ask(exchange, "POST", ORDERS, "catkey", BUY | {"account": "CAT"}) == 200


@pytest.mark.parametrize("content", [b"a key", b"a key\n", b"\xef\xbb\xbfa key\r\n"])
def test_the_admins_key_is_the_one_line_of_its_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "admin.key"
    path.write_bytes(content)
    assert read_admin_key(str(path)) == "a key"


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"one\ntwo\n", b" padded ", b"a;b", b"\xff", b"x" * 1025]
)
def test_a_file_of_another_kind_holds_no_admins_key(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "admin.key"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(str(path))) as refusal:
        read_admin_key(str(path))
    assert not content.strip() or content.decode("latin-1").strip() not in str(refusal.value)
