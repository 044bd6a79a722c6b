"""The log: what gets into it, on one line, and never too much of it."""

import contextlib
import io
import logging
import re
import socket
import threading
import time
from collections import Counter

import pytest
from live import PATIENCE, killed, running
from ports import free_port
from raw_http import Peer, get, wait_until
from raw_websocket import RawPeer, handshake
from wsgi import ORDERS, Client

from disorderbook.process.log import (
    LINES_OF_A_KIND,
    LONGEST_ENTRY,
    LONGEST_QUOTED,
    RateLimit,
    ShortFormatter,
    quoted,
)

SECONDS = 0.2


class Log:
    """A logger with a limit, and what it has written."""

    def __init__(self, lines: int = 3, seconds: float = SECONDS) -> None:
        self._written = io.StringIO()
        handler = logging.StreamHandler(self._written)
        handler.setFormatter(ShortFormatter("%(levelname)s %(message)s"))
        self.limit = RateLimit(handler, lines, seconds)
        handler.addFilter(self.limit)
        self.logger = logging.Logger("log under test", logging.DEBUG)
        self.logger.addHandler(handler)

    def lines(self) -> list[str]:
        return self._written.getvalue().splitlines()

    def complain(self, times: int = 1, who: str = "eve") -> None:
        for _ in range(times):
            self.logger.warning("%s is refused", who)


def test_of_one_kind_only_some_lines_get_through_and_the_rest_is_counted() -> None:
    log = Log()
    log.complain(100)
    assert log.lines() == ["WARNING eve is refused"] * 3
    assert wait_until(lambda: len(log.lines()) == 4)
    assert log.lines()[3] == (
        "WARNING 97 more lines like this were left out in 0.2 seconds: eve is refused"
    )
    log.complain()
    assert log.lines()[4:] == ["WARNING eve is refused"]


def test_who_stays_within_the_limit_is_never_left_out() -> None:
    log = Log()
    for _ in range(3):
        log.complain(3)
        time.sleep(SECONDS)  # this is the time that the limit is about
    assert log.lines() == ["WARNING eve is refused"] * 9


def test_what_is_said_elsewhere_or_at_another_level_is_another_kind() -> None:
    log = Log()
    log.complain(10)
    log.logger.warning("the disk is full")
    for level in (logging.INFO, logging.WARNING, logging.ERROR):
        log.logger.log(level, "again")
    assert log.lines()[3:] == [
        "WARNING the disk is full",
        "INFO again",
        "WARNING again",
        "ERROR again",
    ]


def test_requests_that_were_asked_for_at_debug_are_all_there() -> None:
    log = Log()
    for _ in range(100):
        log.logger.debug("a request")
    assert log.lines() == ["DEBUG a request"] * 100


def test_a_traceback_counts_as_one_line_of_its_kind() -> None:
    log = Log(lines=2)
    for _ in range(50):
        try:
            raise ValueError("a fault of ours")
        except ValueError:
            log.logger.exception("it failed")
    text = "\n".join(log.lines())
    assert text.count("Traceback") == text.count("ValueError: a fault of ours") == 2
    log.limit.finish()
    assert log.lines()[-1].startswith("ERROR 48 more lines like this were left out")


def test_at_the_end_it_says_at_once_what_was_left_out() -> None:
    log = Log(seconds=3600)
    log.complain(5)
    log.limit.finish()
    assert log.lines()[3:] == [
        "WARNING 2 more lines like this were left out in 3600 seconds: eve is refused"
    ]
    log.limit.finish()
    assert len(log.lines()) == 4


def test_threads_that_flood_it_together_are_counted_together() -> None:
    log = Log(seconds=3600)
    threads = [threading.Thread(target=log.complain, args=(500,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.limit.finish()
    assert len(log.lines()) == 4 and " 1997 more lines" in log.lines()[3]


def test_without_room_for_a_thread_it_is_still_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(timer: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Timer, "start", start)
    log = Log()
    log.complain(100)
    assert len(log.lines()) == 3


def test_an_entry_is_cut_in_the_middle() -> None:
    log = Log()
    log.logger.warning("begin %s end", "x" * 10 * LONGEST_ENTRY)
    text = "\n".join(log.lines())
    assert text.startswith("WARNING begin xxx") and text.endswith("xxx end")
    assert len(text) < LONGEST_ENTRY + 40


def test_nobody_can_forge_a_line_or_move_the_cursor() -> None:
    log = Log()
    log.logger.warning("%s", "a\nERROR b\r\x1b[2J\x9b\u2028c")
    assert log.lines() == [r"WARNING a\nERROR b\r\x1b[2J\x9b\u2028c"]
    try:
        raise ValueError("\x1b[2J")
    except ValueError:
        log.logger.exception("failed")
    assert log.lines()[-1] == r"ValueError: \x1b[2J" and len(log.lines()) > 3


@pytest.mark.parametrize(
    "text, shown",
    [
        ("/ob/api", "/ob/api"),
        ("/a\r\nb\x00", r"/a\r\nb\x00"),
        ("/\xe9", r"/\xe9"),
        ("x" * LONGEST_QUOTED, "x" * LONGEST_QUOTED),
        ("\n" * 1000, r"\n" * LONGEST_QUOTED + "..."),
    ],
)
def test_what_a_stranger_sent_is_quoted_in_ascii_and_cut(text: str, shown: str) -> None:
    assert quoted(text) == shown


@pytest.mark.parametrize(
    "text, shown",
    [
        ("/ws/A/venues/V/executions?api_key=secret", "/ws/A/venues/V/executions?api_key=KEY"),
        ("/x?a=1&API_KEY=secret&b=2", "/x?a=1&API_KEY=KEY&b=2"),
        ("/key/secret/ob/api/ws/A", "/key/KEY/ob/api/ws/A"),
        ("/key/secret", "/key/KEY"),
        ("/key/a secret/with/slashes/ob/api/ws/A", "/key/KEY/ob/api/ws/A"),
        ("/key/a\nsecret/ob/api", "/key/KEY/ob/api"),
        ("/key/secret/ws", "/key/KEY"),
        ("/any/where//key//secret//ob//api/ws", "/any/where//key/KEY//ob//api/ws"),
        ("/ob/api/ws/key/secret/ob/api/ws/A", "/ob/api/ws/key/KEY/ob/api/ws/A"),
        ("/key/secret" + "x" * LONGEST_QUOTED, "/key/KEY"),
        ("/key/KEY/x is not one of /ob/api/ws", "/key/KEY/x is not one of /ob/api/ws"),
        ("/ob/api/venues/key/stocks/S", "/ob/api/venues/key/stocks/S"),
        ("/keys/a", "/keys/a"),
    ],
)
def test_no_key_of_a_stranger_is_logged(text: str, shown: str) -> None:
    assert quoted(text) == shown
    assert quoted(shown) == shown


# The exchange.


@pytest.mark.parametrize(
    "method, headers", [("GET", {}), ("HEAD", {}), ("GET", {"Sec-Fetch-Site": "same-origin"})]
)
def test_a_path_cannot_forge_a_line_where_a_fault_is_logged(
    method: str,
    headers: dict[str, str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = Client()
    monkeypatch.setattr(client.services.exchange, "books", None)
    assert client(method, "/ob/api/venues/a%0Ab/stocks", headers=headers).status == 500
    assert caplog.messages == [rf"{method} /ob/api/venues/a\nb/stocks failed"]


def test_each_request_is_a_line_at_debug_and_none_otherwise(
    caplog: pytest.LogCaptureFixture,
) -> None:
    requests = [("GET", "/ob/api/heartbeat"), ("PUT", "/%0a%1b" + "x" * 3000), ("GET", "//ob/api/")]
    quiet = Client()
    with caplog.at_level(logging.DEBUG):
        talkative = Client()
    with caplog.at_level(logging.DEBUG):
        for request in requests:
            quiet(*request)
        assert not caplog.messages
        for request in requests:
            talkative(*request, REMOTE_ADDR="127.0.0.9")
    lines = [re.sub("[0-9]+ us", "T us", line) for line in caplog.messages]
    assert lines == [
        "127.0.0.9 200 T us GET /ob/api/heartbeat",
        r"127.0.0.9 404 T us PUT /\n\x1b" + "x" * (LONGEST_QUOTED - 3) + "...",
        "127.0.0.9 200 T us GET //ob/api/",
    ]


@pytest.mark.parametrize(
    "level, server, lines",
    [
        ("debug", "inline", 20),
        ("debug", "waitress", 20),
        ("info", "inline", 0),
        ("warning", "inline", 0),
    ],
)
def test_the_option_says_whether_requests_are_logged(level: str, server: str, lines: int) -> None:
    options = "--log-level", level, "--server", server
    with running(*options) as exchange, Peer(exchange.port) as peer:
        for _ in range(20):
            assert peer.ask(get(ORDERS + "/7")).status == 404
    found = re.findall(
        r" DEBUG 127\.0\.0\.1 404 \d+ us GET " + ORDERS + "/7$", exchange.log(), re.MULTILINE
    )
    assert len(found) == lines


SECRET = "s3cr3t"
TARGETS = [
    f"/key/{SECRET}/ob/api/ws/ANN/venues/V/executions",
    f"/key/{SECRET}/ob/api/heartbeat",
    f"/key/{SECRET}/nothing",
    f"//key//{SECRET}%2F{SECRET}/ob/api/ws/",
    f"/nothing?api_key={SECRET}",
    f"/ob/api/ws/ANN/venues/V/executions?api_key={SECRET}",
    f"/ob/api/ws/?api_key={SECRET}",
    f"/ob/api/heartbeat?a=1&api_key={SECRET}",
    f"/malformed line?api_key={SECRET}",
]


@pytest.mark.parametrize("level", ["debug", "info"])
def test_no_line_of_the_log_has_a_key(level: str) -> None:
    options = "-a", "accounts.json", "-w", "--wsport", "0", "--log-level", level
    with running(*options) as exchange:
        tape = int(exchange.process.wait_for(r"ws://127\.0\.0\.1:(\d+)/ob/api/ws/")[1])
        header = f"X-Starfighter-Authorization: {SECRET}"
        with contextlib.ExitStack() as stack:
            listeners = [stack.enter_context(RawPeer(tape)) for _ in TARGETS]
            for target, listener in zip(TARGETS, listeners):
                with Peer(exchange.port) as peer:
                    peer.ask(get(target, "1.1", header))
                listener.send(handshake(target, header))
                listener.answer()
            for listener in listeners:  # they are all held for the same while
                wait_for_close(listener)
        assert SECRET not in exchange.log()
        assert len(re.findall("is refused: ", exchange.log())) >= len(TARGETS)


def wait_for_close(listener: RawPeer) -> None:
    while listener.socket.recv(4096):
        pass


def test_malformed_requests_are_logged_at_info() -> None:
    for level, expected in (("info", True), ("warning", False)):
        with running("--log-level", level) as exchange, Peer(exchange.port) as peer:
            assert peer.ask(b"nonsense\r\n\r\n").status == 400
        assert ("INFO 127.0.0.1 is refused: Malformed request" in exchange.log()) is expected


FEW_DESCRIPTORS = ("sh", "-c", 'ulimit -n 200; exec "$@"', "sh")


def test_a_flood_of_refused_connections_leaves_a_short_log() -> None:
    with killed(wrapper=FEW_DESCRIPTORS) as exchange:
        for _ in range(5):
            with contextlib.ExitStack() as stack:
                for _ in range(300):
                    peer = stack.enter_context(socket.socket())
                    peer.connect(("127.0.0.1", exchange.port))
                # The last is refused or dropped when all before it have been.
                peer.settimeout(PATIENCE)
                with contextlib.suppress(ConnectionError):
                    peer.recv(1)
        exchange.process.wait_for("is refused: At most 75 connections are open at a time")
        assert exchange.process.end() == 0
    check_short(exchange.log())


def test_a_flood_of_listeners_leaves_a_short_log() -> None:
    port = free_port()
    with killed("--websockets", "--wsport", str(port), wrapper=FEW_DESCRIPTORS) as exchange:
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(RawPeer(port)) for number in range(130)]
            for peer in peers:
                peer.send(handshake())
            statuses = Counter(answered_and_gone_if_refused(peer) for peer in peers)
            assert statuses == {101: 85, 503: 45}
        assert exchange.process.end() == 0
    assert "The system lets this process have only 85 listeners" in exchange.log()
    assert "is refused: There are 85 listeners already" in exchange.log()
    check_short(exchange.log())


def answered_and_gone_if_refused(peer: RawPeer) -> int:
    """The status; who is refused hangs up, so that the next need not wait for his descriptor."""
    status = peer.answer().status
    if status != 101:
        peer.socket.close()
    return status


def check_short(log: str) -> None:
    """The log of many refusals has a line for some of them and says how many there were."""
    assert re.search(r"WARNING \d\d+ more lines like this were left out in 60 seconds", log), log
    assert log.count(" is refused: ") <= LINES_OF_A_KIND + 1
    assert log.count("\n") < 60 and len(log) < 6000
