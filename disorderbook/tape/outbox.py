"""What waits to be sent to one listener: bounded, whatever the listener does."""

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

JOINED_BYTES = 256 * 1024  # about as much as goes into one send()

Frame = bytes | Callable[[], bytes]


class Message(NamedTuple):
    """One frame. A later message on the same subject says all that this one says and more; a
    message without a subject says something that no other says. A `frame` that is long may be
    made only when it is its turn to be sent.
    """

    subject: Hashable | None
    frame: Frame

    @property
    def size(self) -> int:
        """Bytes that it takes while it waits; what is yet to be made takes none."""
        return len(self.frame) if isinstance(self.frame, bytes) else 0


class Batch:
    """Messages that several listeners get, `joined` once for all of them; None if some of them
    are yet to be made.
    """

    __slots__ = ("messages", "joined")

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages
        frames = [frame for _, frame in messages if isinstance(frame, bytes)]
        self.joined = b"".join(frames) if len(frames) == len(messages) else None


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

    @property
    def is_too_full(self) -> bool:
        """Whether more is waiting than may stay after a look through it."""
        return len(self._waiting) * 2 > self._max_messages or self._bytes * 2 > self._max_bytes

    @property
    def cannot_be_spared(self) -> bool:
        """Whether something waits that no other message says."""
        return any(message.subject is None for message in self._waiting)

    def put(self, batch: Batch) -> int:
        """Append messages; returns how many were left out for newer ones, or raises FellBehind."""
        self._waiting.extend(batch.messages)
        self._bytes += sum(message.size for message in batch.messages)
        before = len(self._waiting)
        if before > self._max_messages or self._bytes > self._max_bytes:
            self._keep_the_newest()
            if self.is_too_full:
                raise FellBehind
        return before - len(self._waiting)

    def take(self) -> bytes:
        """Remove whole messages from the front, joined to one piece for send(); empty at last."""
        frames, size = [], 0
        while self._waiting and size < JOINED_BYTES:
            message = self._waiting.popleft()
            self._bytes -= message.size
            frame = message.frame if isinstance(message.frame, bytes) else message.frame()
            frames.append(frame)
            size += len(frame)
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
        self._bytes = sum(message.size for message in kept)
