"""The file that tells the ports: whole from the first moment, gone after the end, never in the
place of something else.
"""

import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from live import PATIENCE, killed, running, started

from disorderbook.assembly import CannotStart
from disorderbook.cli.ports_file import ports_file


def test_both_ports_take_connections_as_soon_as_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    options = ["-p", "0", "-w", "--wsport", "0", "--ports-file", str(path)]
    with started(sys.executable, "-m", "disorderbook", *options) as process:
        deadline = time.monotonic() + PATIENCE
        while not path.exists():
            assert time.monotonic() < deadline, process.log()
            time.sleep(0.001)
        known = json.loads(path.read_text())
        for port in (known["port"], known["tape_port"]):
            socket.create_connection(("127.0.0.1", port), PATIENCE).close()
        assert known["pid"] == process.pid
        assert known["tape_url"] == f"ws://127.0.0.1:{known['tape_port']}"
        without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with without_proxy.open(known["url"] + "/ob/api/heartbeat", timeout=PATIENCE) as answer:
            assert json.load(answer)["ok"]
        assert process.end() == 0, process.log()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_clean_end_takes_it_away(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "ports.json"
    with killed("--ports-file", str(path)) as exchange:
        known = json.loads(path.read_text())
        assert (known["port"], known["tape_port"]) == (exchange.port, None)
        assert exchange.process.end(number) == 0
    assert os.listdir(tmp_path) == []


def test_one_that_a_crash_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    with killed("--ports-file", str(path)):
        pass
    assert path.exists()
    with running("--ports-file", str(path)) as exchange:
        assert json.loads(path.read_text())["port"] == exchange.port
    assert not path.exists()


def test_an_empty_file_and_a_link_are_used(tmp_path: Path) -> None:
    """As mktemp makes one, and as a container's volume may have it."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "empty").touch()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "empty")
    with ports_file(str(tmp_path / "link")) as tell:
        tell(1, 2)
        assert (tmp_path / "link").is_symlink()
        assert json.loads((tmp_path / "folder" / "empty").read_text())["tape_port"] == 2
    assert os.listdir(tmp_path / "folder") == []


def test_whoever_looks_never_sees_a_part_of_it(tmp_path: Path) -> None:
    path, seen, is_over = tmp_path / "ports.json", set(), threading.Event()

    def look() -> None:
        while not is_over.is_set():
            if path.exists():
                seen.add(path.read_text())

    thread = threading.Thread(target=look)
    with ports_file(str(path)) as tell:
        tell(0, None)
        thread.start()
        for port in range(1, 200):
            tell(port, None)
        is_over.set()
        thread.join()
    assert seen and all(json.loads(text)["url"] for text in seen)


@pytest.mark.parametrize(
    "content",
    [
        "precious",
        "[]",
        "{}",
        '{"port": 1}',
        "1",
        "{" + " " * 10_000,
        "\0",
        "[" * 4096,
    ],
)
def test_what_is_no_ports_file_is_not_overwritten(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mine"
    path.write_text(content)
    with pytest.raises(CannotStart, match="there is something else of that name"):
        with ports_file(str(path)):
            pass
    assert path.read_text() == content and os.listdir(tmp_path) == ["mine"]


def test_what_has_come_meanwhile_is_not_overwritten_either(tmp_path: Path) -> None:
    """Such as the market's own file, if that was given the same name."""
    path = tmp_path / "market.db"
    with pytest.raises(CannotStart, match="something else"), ports_file(str(path)) as tell:
        path.write_text("SQLite format 3")
        tell(1, 2)
    assert path.read_text() == "SQLite format 3" and os.listdir(tmp_path) == ["market.db"]


def test_what_somebody_else_put_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    with ports_file(str(path)) as tell:
        tell(1, 2)
        path.write_text("{}")
    assert path.read_text() == "{}"


@pytest.mark.parametrize("kind", ["folder", "pipe", "loop"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    {"folder": path.mkdir, "pipe": lambda: os.mkfifo(path), "loop": lambda: path.symlink_to(path)}[
        kind
    ]()
    with pytest.raises(CannotStart, match=f"Cannot write the ports file {path}: "):
        with ports_file(str(path)) as tell:
            tell(1, 2)
    assert os.listdir(tmp_path) == [kind]


def test_a_start_that_fails_leaves_none(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    with pytest.raises(ZeroDivisionError), ports_file(str(path)) as tell:
        tell(1, 2)
        print(1 // 0)
    assert not path.exists()


def test_without_the_option_nothing_is_written(tmp_path: Path) -> None:
    with ports_file(None) as tell:
        tell(1, 2)
