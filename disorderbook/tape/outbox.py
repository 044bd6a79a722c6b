"""What waits to be sent to one listener: bounded, whatever the listener does."""

from collections import deque
from collections.abc import Hashable, Sequence
from typing import NamedTuple

JOINED_BYTES = 256 * 1024  # about as much as goes into one send()


class Message(NamedTuple):
    """One frame. A later message on the same subject says all that this one says and more; a
    message without a subject says something that no other says.
    """

    subject: Hashable | None
    frame: bytes


class Batch:
    """Messages that several listeners get, joined once for all of them."""

    __slots__ = ("messages", "joined")

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages
        self.joined = b"".join([frame for _, frame in messages])


class FellBehind(Exception):
    """More is waiting than may wait, and none of it can be left out."""


class Outbox:
    """A queue of messages, at most `max_messages` of them and `max_bytes` altogether.

    Where it would grow beyond that, of the messages on one subject only the newest stays. If
    that does not make it half empty, FellBehind is raised: half, so that a full queue is not
    looked through again for each single message.
    """

    __slots__ = ("_max_messages", "_max_bytes", "_waiting", "_bytes")

    def __init__(self, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._waiting: deque[Message] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        """Number of messages waiting."""
        return len(self._waiting)

    def put(self, batch: Batch) -> int:
        """Append messages; returns how many were left out for newer ones, or raises FellBehind.
        """
        self._waiting.extend(batch.messages)
        self._bytes += len(batch.joined)
        before = len(self._waiting)
        if before > self._max_messages or self._bytes > self._max_bytes:
            self._keep_the_newest()
            if len(self._waiting) * 2 > self._max_messages or self._bytes * 2 > self._max_bytes:
                raise FellBehind
        return before - len(self._waiting)

    def take(self) -> bytes:
        """Remove whole messages from the front, joined to one piece for send(); empty at last."""
        frames, size = [], 0
        while self._waiting and size < JOINED_BYTES:
            frame = self._waiting.popleft().frame
            frames.append(frame)
            size += len(frame)
        self._bytes -= size
        return b"".join(frames)

    def clear(self) -> None:
        self._waiting.clear()
        self._bytes = 0

    def _keep_the_newest(self) -> None:
        kept: deque[Message] = deque()
        seen: set[Hashable] = set()
        for message in reversed(self._waiting):
            if message.subject is None or message.subject not in seen:
                seen.add(message.subject)
                kept.appendleft(message)
        self._waiting = kept
        self._bytes = sum(len(message.frame) for message in kept)
