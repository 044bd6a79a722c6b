"""`disorderbook relay`: what stands in the way of its start, and how it ends."""

import argparse
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable
from unittest import mock

import pytest
from live import started
from raw_http import wait_until
from raw_websocket import RawPeer

from disorderbook.assembly import CannotStart
from disorderbook.cli import relay_command
from disorderbook.cli.main import make_parser
from disorderbook.cli.relay_command import run_relay

NOBODY = "nats://127.0.0.1:1"


def options(*arguments: str) -> argparse.Namespace:
    return make_parser().parse_args(["relay", *arguments])


def refusal(*arguments: str) -> str:
    with pytest.raises(CannotStart) as refused:
        run_relay(options(*arguments))
    return str(refused.value)


def test_its_usual_port_is_the_tapes() -> None:
    found = options(NOBODY)
    assert (found.port, found.accounts, found.maxlisteners) == (8001, None, 4096)


@pytest.mark.parametrize("url", ["http://a:1", "nats://", "nats://u:secret@h:1/path", "nats://h:0"])
def test_a_wrong_url_is_one_sentence_without_a_password(url: str) -> None:
    sentence = refusal(url)
    assert sentence.startswith("The URL of a NATS server is") and "secret" not in sentence


def test_without_the_package_a_sentence_says_how_to_get_it() -> None:
    with mock.patch.dict(sys.modules, {"nats": None}):
        assert "pip install 'disorderbook[nats]'" in refusal(NOBODY)


def test_a_taken_port_and_accounts_that_are_not_there_are_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refusal(NOBODY, "--port", str(port))
        assert sentence == f"Cannot listen on port {port}: Address already in use"
    assert "accounts file" in refusal(NOBODY, "--accounts", "/nowhere.json")


def test_it_logs_its_counts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ends: list[Callable[[], None]] = []
    monkeypatch.setattr(relay_command, "on_signals", ends.append)
    monkeypatch.setattr(relay_command, "COUNTS_SECONDS", 0.01)
    monkeypatch.setattr(relay_command, "keep_collections_short", lambda: None)
    thread = threading.Thread(target=run_relay, args=[options(NOBODY, "--port", "0")])
    thread.start()
    is_logged = wait_until(lambda: "listeners 0, messages 0, conflated 0, " in caplog.text)
    ends[0]()
    thread.join()
    assert is_logged


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_before_its_server_it_waits_says_so_once_and_ends_when_asked(
    signal_number: signal.Signals,
) -> None:
    command = [sys.executable, "disorderBook_main.py", "relay", NOBODY, "--port", "0"]
    with started(*command) as relay:
        port = int(relay.wait_for(r"^disorderBook relay on port (\d+)$")[1])
        relay.wait_for("The relay waits for NATS at nats://127.0.0.1:1: Connection refused")
        with RawPeer.listening(port, "/ob/api/ws/-/venues/V/tickertape") as peer:
            assert relay.end(signal_number) == 0
            [closing] = peer.frames()
            assert closing.code == 1001
        assert relay.log().count("waits for NATS") == 1 and "Traceback" not in relay.log()
