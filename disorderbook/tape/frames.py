"""The library's parser behind checks: what a frame may be is decided before the library acts on it.

By RFC 6455, where the library accepts what is no frame, waits for what cannot be right, or drops
the connection without a close frame. The library's names used here are listed in server.py.
"""

import struct

from simple_websocket_server import (
    BINARY, CLOSE, HEADERB1, HEADERB2, MASK, PING, PONG, STREAM, TEXT, WebSocket,
)

NORMAL, GOING_AWAY, PROTOCOL_ERROR, NOT_UTF8 = 1000, 1001, 1002, 1007
POLICY_VIOLATION, TOO_BIG, OWN_FAULT = 1008, 1009, 1011

MAX_MESSAGE_BYTES = 4096  # from a listener, who has nothing to say anyway
MAX_CONTROL_BYTES = 125
MAX_REASON_BYTES = MAX_CONTROL_BYTES - 2  # which are the close code's


class Fault(Exception):
    """The other side broke the protocol or a limit: code and reason for the close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class CheckedWebSocket(WebSocket):
    """A WebSocket whose `_parse_message` raises Fault, and no other exception."""

    _message_bytes = 0  # of the message that is being received, with all its fragments

    def _parse_message(self, byte: int) -> None:
        if self.state == HEADERB1:
            self._check_first_byte(byte)
        elif self.state == HEADERB2:
            self._check_second_byte(byte)
        super()._parse_message(byte)
        if self.state == MASK and not self.maskarray:
            self._check_length(len(self.lengtharray or b""))

    def _check_first_byte(self, byte: int) -> None:
        is_final, opcode = byte & 0x80, byte & 0x0F
        if byte & 0x70:
            raise Fault(PROTOCOL_ERROR, "no extension was agreed on")
        if opcode in (CLOSE, PING, PONG):
            if not is_final:
                raise Fault(PROTOCOL_ERROR, "a control frame is in one piece")
        elif opcode not in (STREAM, TEXT, BINARY):
            raise Fault(PROTOCOL_ERROR, "unknown opcode")
        elif (opcode == STREAM) != self.frag_start:
            raise Fault(PROTOCOL_ERROR, "a fragment out of its place")

    def _check_second_byte(self, byte: int) -> None:
        if not byte & 0x80:
            raise Fault(PROTOCOL_ERROR, "a client masks its frames")
        if self.opcode in (CLOSE, PING, PONG) and byte & 0x7F > MAX_CONTROL_BYTES:
            raise Fault(PROTOCOL_ERROR, f"a control frame has at most {MAX_CONTROL_BYTES} bytes")

    def _check_length(self, length_bytes: int) -> None:
        """Called as soon as a frame's length is known, which may have had bytes of its own."""
        if self.opcode in (STREAM, TEXT, BINARY):
            before = self._message_bytes if self.opcode == STREAM else 0
            self._message_bytes = before + self.length
            if self._message_bytes > MAX_MESSAGE_BYTES:
                raise Fault(TOO_BIG, f"a message has at most {MAX_MESSAGE_BYTES} bytes")
        if length_bytes == 8 or length_bytes == 2 and self.length <= MAX_CONTROL_BYTES:
            raise Fault(PROTOCOL_ERROR, "a length takes as few bytes as it can")

    def close(self, status: int = NORMAL, reason: str = "") -> None:
        """Put a close frame into the library's queue, with as much of the reason as it can hold."""
        super().close(status, reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore"))

    def _handle_packet(self) -> None:
        if self.opcode == CLOSE:
            self.close(_close_code(bytes(self.data)))
            return
        try:
            super()._handle_packet()
        except Exception:
            # A frame whose header is in order leaves the library one reason to complain.
            raise Fault(NOT_UTF8, "text is UTF-8") from None


def _close_code(payload: bytes) -> int:
    """The code to answer a close frame with, which is its own; raises Fault."""
    if not payload:
        return NORMAL
    code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 0
    if not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        raise Fault(PROTOCOL_ERROR, "not a code for a close frame")
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        raise Fault(NOT_UTF8, "the reason for closing is UTF-8") from None
    return int(code)
