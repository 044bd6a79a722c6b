"""Handshakes: what is sent, and the HTTP status that comes back (RFC 6455, 4.2)."""

import json
import time
from collections.abc import Iterator

import pytest
from malformed import MALFORMED, OTHER_PROTOCOLS
from raw_websocket import (
    EXECUTIONS,
    KEY,
    PING,
    PONG,
    TICKERS,
    RawPeer,
    accept_value,
    frame,
    handshake,
)
from tape_market import PORTS, Market, market

HEADER_LIMIT = 8192


@pytest.fixture(scope="module", params=PORTS.values(), ids=PORTS)
def quiet(request: pytest.FixtureRequest) -> Iterator[Market]:
    with request.param() as open_market:
        yield open_market


def padded(size: int) -> bytes:
    """A good handshake that is `size` bytes long."""
    short = handshake(TICKERS, "X-Padding: ")
    return handshake(TICKERS, "X-Padding: " + "x" * (size - len(short)))


ACCEPTED = {
    "plain": handshake(),
    "words in any case": handshake(TICKERS, "UPGRADE: WebSocket", "cOnnection: upgrade"),
    "a browser's Connection": handshake(TICKERS, "Connection: keep-alive, Upgrade"),
    "Upgrade among others": handshake(TICKERS, "Upgrade: h2c, websocket"),
    "no space after colons": handshake(TICKERS, "Upgrade:websocket", "Sec-WebSocket-Version:13"),
    "spaces around the key": handshake(TICKERS, f"Sec-WebSocket-Key:  {KEY}  "),
    "spaces within a header": handshake(TICKERS, "X-Padding:" + " " * 7900 + "x"),
    "a subprotocol": handshake(TICKERS, "Sec-WebSocket-Protocol: chat"),
    "an extension": handshake(TICKERS, "Sec-WebSocket-Extensions: permessage-deflate"),
    "an address for a Host": handshake(TICKERS, "Host: 10.0.0.7"),
    "this machine's Origin": handshake(TICKERS, "Origin: http://localhost:3000"),
    "its own Origin": handshake(TICKERS, "Host: 10.0.0.7:8001", "Origin: http://10.0.0.7"),
    "its own Origin by an allowed name": handshake(
        TICKERS, "Host: trade.lan:8001", "Origin: http://trade.lan"
    ),
    "this machine's Origin, to the browser another site": handshake(
        TICKERS, "Origin: http://localhost:3000", "Sec-Fetch-Site: cross-site"
    ),
    "no body at all": handshake(TICKERS, "Content-Length: 0"),
    "as long as it may be": padded(HEADER_LIMIT),
}

REFUSED = {
    "a foreign Origin": (handshake(TICKERS, "Origin: http://evil.example"), 403),
    "another site (difference 22)": (handshake(TICKERS, "Sec-Fetch-Site: cross-site"), 403),
    "another name (difference 30)": (handshake(TICKERS, "Host: evil.example"), 403),
    "another name as its own Origin": (
        handshake(TICKERS, "Host: evil.example", "Origin: http://evil.example"),
        403,
    ),
    "a malformed Host (difference 29)": (handshake(TICKERS, "Host: a b"), 400),
    "POST": (handshake(method="POST"), 405),
    "HEAD": (handshake(method="HEAD"), 405),
    "no known method": (handshake(method="LISTEN"), 400),
    "HTTP/1.0": (handshake(version="1.0"), 400),
    "HTTP/2.0": (handshake(version="2.0"), 505),
    "HTTP/1.x": (handshake(version="1.x"), 505),
    "RTSP/1.1": (handshake().replace(b"HTTP/1.1", b"RTSP/1.1"), 505),
    "no version": (b"GET /\r\n\r\n", 505),
    "an empty line": (b"\r\n\r\n", 400),
    "four words": (b"GET / x HTTP/1.1\r\n\r\n", 400),
    "nothing but spaces in a header": (b"GET / HTTP/1.1\r\nX:" + b" " * 8100 + b"x\r\n\r\n", 400),
    "a target that is neither path nor URL": (handshake("*"), 400),
    "a target of another scheme": (handshake("ftp://127.0.0.1:8001" + TICKERS), 400),
    "another website's Origin, own by the Host that the target overrides": (
        handshake(
            "ws://127.0.0.1:8001" + TICKERS, "Host: evil.example", "Origin: http://evil.example"
        ),
        403,
    ),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "no Host": (handshake(without=("host",)), 400),
    "two Hosts": (handshake(TICKERS, "Host: a\r\nHost: b"), 400),
    "no Upgrade": (handshake(without=("upgrade",)), 426),
    "Upgrade to something else": (handshake(TICKERS, "Upgrade: h2c"), 426),
    "no Connection": (handshake(without=("connection",)), 426),
    "Connection: close": (handshake(TICKERS, "Connection: close"), 426),
    "a browser's plain GET": (b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8001\r\n\r\n", 426),
    "no version of websocket": (handshake(without=("sec-websocket-version",)), 426),
    "version 8": (handshake(TICKERS, "Sec-WebSocket-Version: 8"), 426),
    "versions 8, 13": (handshake(TICKERS, "Sec-WebSocket-Version: 8, 13"), 426),
    "no key": (handshake(without=("sec-websocket-key",)), 400),
    "an empty key": (handshake(TICKERS, "Sec-WebSocket-Key:"), 400),
    "a key of 15 bytes": (handshake(TICKERS, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j"), 400),
    "a key that is not base64": (handshake(TICKERS, "Sec-WebSocket-Key: " + "%" * 24), 400),
    "a key that is not ASCII": (handshake(TICKERS, "Sec-WebSocket-Key: " + "\xe9" * 24), 400),
    "two keys": (handshake(TICKERS, f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Key: {KEY}"), 400),
    "a body": (handshake(TICKERS, "Content-Length: 5") + b"hello", 400),
    "a body in chunks": (handshake(TICKERS, "Transfer-Encoding: chunked") + b"0\r\n\r\n", 400),
    "a header without a colon": (handshake(TICKERS, "nonsense"), 400),
    "two Origins": (handshake(TICKERS, "Origin: http://localhost\r\nOrigin: null"), 400),
    "another website's Origin": (handshake(TICKERS, "Origin: http://evil.example"), 403),
    "Origin: null": (handshake(TICKERS, "Origin: null"), 403),
    "another website's Origin for executions": (
        handshake(EXECUTIONS, "Origin: https://evil.example"),
        403,
    ),
    "a byte too long": (padded(HEADER_LIMIT + 1), 431),
    "far too long": (padded(100_000), 431),
    "a header without an end": (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000, 431),
    "more headers than anybody needs": (
        handshake(TICKERS, *(f"X-{number}: 1" for number in range(200))),
        431,
    ),
}


def as_handshake(request: bytes) -> bytes:
    """The request asking for a websocket, if it has a Host line to put that behind."""
    asking = handshake().partition(b"Host: 127.0.0.1:8001\r\n")[2].removesuffix(b"\r\n")
    return request.replace(b"POST", b"GET").replace(b"Host: a\r\n", b"Host: a\r\n" + asking, 1)


@pytest.mark.parametrize("sent", ACCEPTED.values(), ids=ACCEPTED)
def test_a_good_handshake_is_accepted_and_nothing_else_agreed_on__difference_27(
    quiet: Market, sent: bytes
) -> None:
    with RawPeer(quiet.port) as peer:
        peer.send(sent)
        answer = peer.answer()
        assert answer.status == 101
        assert answer.headers.pop("upgrade").lower() == "websocket"
        assert answer.headers == {
            "connection": "Upgrade",
            "sec-websocket-accept": accept_value(KEY),
        }


@pytest.mark.parametrize("sent, status", REFUSED.values(), ids=REFUSED)
def test_a_bad_handshake_gets_a_status_and_a_sentence__difference_27(
    quiet: Market, sent: bytes, status: int
) -> None:
    is_other = b"websocket\r\n" not in sent and (status == 426 or sent.isspace())
    if quiet.port != quiet.tape.port and is_other:
        pytest.skip("HTTP has another answer to this")
    with RawPeer(quiet.port) as peer:
        peer.send(sent)
        answer = peer.answer()
        assert answer.status == status
        body = peer.body(answer)
        assert body.endswith(b"}\n")  # difference 20
        said = json.loads(body)
        assert said.keys() == {"ok", "error"} and said["ok"] is False and said["error"]
        assert "close" in answer.headers["connection"]
        assert peer.has_hung_up()
        if status == 403:  # difference 21
            assert ' is "' in json.loads(answer.headers["x-error-detail"])
        if status in (405, 431, 505):
            assert "allowed: " in json.loads(answer.headers["x-error-detail"])
        if status == 405:
            assert answer.headers["allow"] == "GET"
        if status == 426:  # what RFC 9110 and RFC 6455 ask for
            assert answer.headers["upgrade"] == "websocket"
            assert answer.headers["connection"] == "Upgrade, close"
            assert answer.headers["sec-websocket-version"] == "13"


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED)
def test_what_http_refuses_is_no_handshake_either(quiet: Market, request_: bytes) -> None:
    for sent in (request_, as_handshake(request_)):
        with RawPeer(quiet.port) as peer:
            peer.send(sent)
            answer = peer.answer()
            assert answer.status in (400, 405)
            assert json.loads(peer.body(answer))["ok"] is False


@pytest.mark.parametrize("request_", OTHER_PROTOCOLS)
def test_what_is_neither_http_1_0_nor_1_1_is_refused_with_505__difference_29(
    quiet: Market, request_: bytes
) -> None:
    for cuts in ([], [1], [len(request_) // 2], range(1, len(request_))):
        with RawPeer(quiet.port) as peer:
            for start, end in zip([0, *cuts], [*cuts, len(request_)]):
                peer.send(request_[start:end])
            assert peer.answer().status == 505


def test_what_is_malformed_is_refused_before_its_end() -> None:
    with market(handshake_seconds=1000.0) as patient, RawPeer(patient.port) as peer:
        peer.send(b"GET / HTTP/1.1\nHost: a\n\n")
        assert peer.answer().status == 400


def test_a_handshake_may_come_byte_by_byte_with_a_frame_right_behind(quiet: Market) -> None:
    with RawPeer(quiet.port) as peer:
        for byte in handshake():
            peer.send(bytes([byte]))
        peer.send(frame(PING, b"1"))
        assert peer.answer().status == 101
        assert peer.frame() == (PONG, b"1", True)


def test_no_handshake_takes_long_to_read(quiet: Market) -> None:
    spaces = handshake(TICKERS, "X-Padding:" + " " * 7900 + "x")
    start = time.process_time()  # of the processor: others may keep the machine busy
    for _ in range(50):
        with RawPeer(quiet.port) as peer:
            peer.send(spaces)
            assert peer.answer().status == 101
    assert time.process_time() - start < 5.0


def test_a_frame_may_come_together_with_the_handshake(quiet: Market) -> None:
    with RawPeer(quiet.port) as peer:
        peer.send(handshake() + frame(PING, b"at once"))
        assert peer.answer().status == 101
        assert peer.frame() == (PONG, b"at once", True)


def test_whoever_hangs_up_in_a_handshake_is_forgotten(quiet: Market) -> None:
    with RawPeer(quiet.port) as peer:
        peer.send(handshake()[:40])
    with quiet.peer() as other:  # the tape is still there
        other.send(frame(PING))
        assert other.frame() == (PONG, b"", True)
