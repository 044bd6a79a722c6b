"""Frames from a listener: what is sent, and what comes back (RFC 6455, 5 to 8)."""

import struct
from collections.abc import Iterator

import pytest
from raw_websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    close_frame,
    frame,
)
from tape_market import Market, market

from disorderbook.tape.websocket import CheckedWebSocket

EURO = "€".encode()
NORMAL_CLOSE = frame(CLOSE)  # answered with 1000


@pytest.fixture(scope="module")
def quiet() -> Iterator[Market]:
    with market() as open_market:
        yield open_market


def long(opcode: int, length: int, size: int) -> bytes:
    """The header of a masked frame whose length takes `size` bytes, with a payload of zeros."""
    code = {2: 126, 8: 127}[size]
    header = bytes([0x80 | opcode, 0x80 | code]) + length.to_bytes(size, "big")
    return header + bytes(4) + bytes(min(length, 100))


def closed(code: int) -> list[tuple[int, object]]:
    return [(CLOSE, code)]


def pongs(*payloads: bytes) -> list[tuple[int, object]]:
    """Answers to pings, and to the close frame at the end."""
    return [(PONG, payload) for payload in payloads] + closed(1000)


CASES = {
    # Allowed, and of no consequence.
    "a text": (frame(TEXT, b"hello") + NORMAL_CLOSE, closed(1000)),
    "an empty text": (frame(TEXT) + NORMAL_CLOSE, closed(1000)),
    "text beyond ASCII": (frame(TEXT, EURO * 40) + NORMAL_CLOSE, closed(1000)),
    "binary": (frame(BINARY, b"\xff\xfe") + NORMAL_CLOSE, closed(1000)),
    "125 bytes": (frame(TEXT, b"x" * 125) + NORMAL_CLOSE, closed(1000)),
    "126 bytes": (frame(TEXT, b"x" * 126) + NORMAL_CLOSE, closed(1000)),
    "4096 bytes": (frame(TEXT, b"x" * 4096) + NORMAL_CLOSE, closed(1000)),
    "4096 bytes in two": (
        frame(BINARY, b"x" * 2048, final=False) + frame(CONTINUATION, b"x" * 2048) + NORMAL_CLOSE,
        closed(1000),
    ),
    "a message in three": (
        frame(TEXT, b"a", final=False)
        + frame(CONTINUATION, b"", final=False)
        + frame(CONTINUATION, b"c")
        + NORMAL_CLOSE,
        closed(1000),
    ),
    "a character cut in two": (
        frame(TEXT, EURO[:1], final=False) + frame(CONTINUATION, EURO[1:]) + NORMAL_CLOSE,
        closed(1000),
    ),
    "a second message": (
        frame(TEXT, b"a", final=False)
        + frame(CONTINUATION, b"b")
        + frame(BINARY, b"c", final=False)
        + frame(CONTINUATION, b"d")
        + NORMAL_CLOSE,
        closed(1000),
    ),
    "a pong nobody asked for": (frame(PONG, b"?") + NORMAL_CLOSE, closed(1000)),
    # Pings are answered.
    "a ping": (frame(PING) + NORMAL_CLOSE, pongs(b"")),
    "a ping with a payload": (frame(PING, b"\x00\xff") + NORMAL_CLOSE, pongs(b"\x00\xff")),
    "a ping of 125 bytes": (frame(PING, b"x" * 125) + NORMAL_CLOSE, pongs(b"x" * 125)),
    "three pings": (
        frame(PING, b"1") + frame(PING, b"2") + frame(PING, b"3") + NORMAL_CLOSE,
        pongs(b"1", b"2", b"3"),
    ),
    "a ping between fragments": (
        frame(TEXT, b"a", final=False)
        + frame(PING, b"!")
        + frame(CONTINUATION, b"b")
        + NORMAL_CLOSE,
        pongs(b"!"),
    ),
    # Closes are answered with their own code.
    "close": (frame(CLOSE), closed(1000)),
    "close 1000": (close_frame(1000), closed(1000)),
    "close 1001 with a reason": (close_frame(1001, "à bientôt".encode()), closed(1001)),
    "close 1003": (close_frame(1003), closed(1003)),
    "close 1007": (close_frame(1007), closed(1007)),
    "close 1011": (close_frame(1011), closed(1011)),
    "close 1014": (close_frame(1014), closed(1014)),
    "close 3000": (close_frame(3000), closed(3000)),
    "close 3500": (close_frame(3500), closed(3500)),
    "close 4999": (close_frame(4999), closed(4999)),
    "close with the longest reason": (close_frame(1000, b"x" * 123), closed(1000)),
    "close within a message": (frame(TEXT, b"a", final=False) + close_frame(1000), closed(1000)),
    "anything after a close": (close_frame(1000) + frame(PING) + b"garbage", closed(1000)),
    # Closes that are wrong.
    "close with one byte": (frame(CLOSE, b"\x03"), closed(1002)),
    "close 0": (close_frame(0), closed(1002)),
    "close 999": (close_frame(999), closed(1002)),
    "close 1004": (close_frame(1004), closed(1002)),
    "close 1005": (close_frame(1005), closed(1002)),
    "close 1006": (close_frame(1006), closed(1002)),
    "close 1015": (close_frame(1015), closed(1002)),
    "close 1100": (close_frame(1100), closed(1002)),
    "close 2999": (close_frame(2999), closed(1002)),
    "close 5000": (close_frame(5000), closed(1002)),
    "close 65535": (close_frame(65535), closed(1002)),
    "close with a reason that is no UTF-8": (close_frame(1000, b"\xff"), closed(1007)),
    "close of 126 bytes": (long(CLOSE, 126, 2), closed(1002)),
    "close in fragments": (frame(CLOSE, final=False), closed(1002)),
    # Frames that are wrong.
    "no mask": (frame(TEXT, b"hello", mask=False), closed(1002)),
    "no mask and no payload": (frame(TEXT, mask=False), closed(1002)),
    "a ping without a mask": (frame(PING, mask=False), closed(1002)),
    "reserved bit 1": (frame(TEXT, b"x", reserved=0x40), closed(1002)),
    "reserved bit 2": (frame(TEXT, b"x", reserved=0x20), closed(1002)),
    "reserved bit 3": (frame(PING, reserved=0x10), closed(1002)),
    "opcode 3": (frame(3, b"x"), closed(1002)),
    "opcode 7": (frame(7), closed(1002)),
    "opcode 11": (frame(11), closed(1002)),
    "opcode 15": (frame(15), closed(1002)),
    "a ping in fragments": (frame(PING, b"x", final=False), closed(1002)),
    "a pong in fragments": (frame(PONG, b"x", final=False), closed(1002)),
    "a ping of 126 bytes": (frame(PING, b"x" * 126), closed(1002)),
    "a pong of 126 bytes": (frame(PONG, b"x" * 126), closed(1002)),
    "a ping of 70000 bytes": (frame(PING, b"x" * 70_000), closed(1002)),
    "a continuation of nothing": (frame(CONTINUATION, b"x"), closed(1002)),
    "a continuation of a finished message": (
        frame(TEXT, b"a", final=False) + frame(CONTINUATION, b"b") + frame(CONTINUATION, b"c"),
        closed(1002),
    ),
    "a message within a message": (
        frame(TEXT, b"a", final=False) + frame(TEXT, b"b"),
        closed(1002),
    ),
    "100 bytes with a length of two": (long(TEXT, 100, 2), closed(1002)),
    "100 bytes with a length of eight": (long(TEXT, 100, 8), closed(1002)),
    # Text that is wrong.
    "text that is no UTF-8": (frame(TEXT, b"ab\xffcd"), closed(1007)),
    "half a surrogate": (frame(TEXT, b"\xed\xa0\x80"), closed(1007)),
    "an overlong slash": (frame(TEXT, b"\xc0\xaf"), closed(1007)),
    "half a character": (frame(TEXT, EURO[:2]), closed(1007)),
    "a fragment that is no UTF-8": (frame(TEXT, b"\xff", final=False), closed(1007)),
    "half a character in fragments": (
        frame(TEXT, EURO[:1], final=False) + frame(CONTINUATION, EURO[1:2]),
        closed(1007),
    ),
    # Too much, refused when its length is known: the payload is never sent.
    "4097 bytes": (long(TEXT, 4097, 2), closed(1009)),
    "65535 bytes": (long(BINARY, 65535, 2), closed(1009)),
    "65536 bytes": (long(TEXT, 65536, 8), closed(1009)),
    "2**40 bytes": (long(BINARY, 2**40, 8), closed(1009)),
    "2**63 bytes": (long(TEXT, 2**63, 8), closed(1009)),
    "2**64 - 1 bytes": (long(TEXT, 2**64 - 1, 8), closed(1009)),
    "4097 bytes in two": (
        frame(TEXT, b"x" * 4096, final=False) + frame(CONTINUATION, b"x"),
        closed(1009),
    ),
    "fragments without an end": (
        frame(TEXT, b"x" * 100, final=False) + frame(CONTINUATION, b"x" * 100, final=False) * 41,
        closed(1009),
    ),
    # Not even frames.
    "HTTP again": (b"GET / HTTP/1.1\r\n\r\n", closed(1002)),
    "zeros": (bytes(100), closed(1002)),
    "ones": (b"\xff" * 100, closed(1002)),
}


def told(got: Frame) -> tuple[int, object]:
    return got.opcode, got.code if got.opcode == CLOSE else got.payload


@pytest.mark.parametrize("sent, expected", CASES.values(), ids=CASES)
def test_what_comes_back(quiet: Market, sent: bytes, expected: list[tuple[int, object]]) -> None:
    with quiet.peer() as peer:
        peer.send(sent)
        got = peer.frames()  # until the tape hangs up
        assert [told(each) for each in got] == expected
        assert all(each.is_final for each in got)
        assert len(got[-1].payload) <= 125 and (got[-1].code == 1000) <= (got[-1].reason == "")


@pytest.mark.parametrize("name", ["a message in three", "a ping with a payload", "4097 bytes"])
def test_frames_may_come_byte_by_byte(quiet: Market, name: str) -> None:
    sent, expected = CASES[name]
    with quiet.peer() as peer:
        for byte in sent:
            peer.send(struct.pack("B", byte))
        assert [told(each) for each in peer.frames()] == expected


def test_whatever_a_listener_says_the_others_hear_the_tape(quiet: Market) -> None:
    with quiet.peer() as good:
        for sent, _ in CASES.values():
            with quiet.peer() as bad:
                bad.send(sent)
        quiet.tick()
        got = good.frame()
        assert got is not None and got.opcode == TEXT and b'"quote"' in got.payload


@pytest.mark.parametrize(
    "reason, kept",
    [
        ("x" * 123, 123),
        ("x" * 124, 123),
        ("€" * 41, 123),
        ("€" * 42, 123),
        ("x" + "€" * 41, 121),
    ],
)
def test_a_reason_is_cut_between_two_characters__difference_26(reason: str, kept: int) -> None:
    closing = CheckedWebSocket(None, None, None)
    closing.close(1008, reason)
    sent = bytes(closing.sendq.pop()[1])
    assert sent[:4] == bytes([0x88, kept + 2]) + struct.pack("!H", 1008)
    assert reason.startswith(sent[4:].decode()) and len(sent) == kept + 4
