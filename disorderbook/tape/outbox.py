"""What waits to be sent to one listener.

The one rule: the queue is bounded, whatever the listener does. A full queue is conflated: of the
messages with one conflation key only the newest stays. Messages without a key are never left out,
so a listener for whom too many of those wait has fallen behind.
"""

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

JOINED_BYTES = 256 * 1024  # about as much as goes into one send()

Frame = bytes | Callable[[], bytes]


class Message(NamedTuple):
    """One frame and its conflation key.

    A later message with the same key says all that this one says and more. A message whose key is
    None is unconflatable. A `frame` that is long may be a function, which is called when the frame
    is sent.
    """

    key: Hashable | None
    frame: Frame

    @property
    def size(self) -> int:
        """Bytes that it takes while it waits; a frame that is yet to be made takes none."""
        return len(self.frame) if isinstance(self.frame, bytes) else 0


class Batch:
    """Messages that several listeners get.

    `joined` is all their frames, joined once for all listeners; None if a frame is yet to be made.
    """

    __slots__ = ("messages", "joined")

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages
        frames = [frame for _, frame in messages if isinstance(frame, bytes)]
        self.joined = b"".join(frames) if len(frames) == len(messages) else None


class FellBehind(Exception):
    """More waits than may wait, even after conflation."""


class Outbox:
    """A queue of at most `max_messages` messages with at most `max_bytes` bytes altogether.

    Where it would grow beyond either, it is conflated. If it is not half empty then, by messages
    and by bytes, FellBehind is raised: half, so that a full queue is not conflated again for each
    single message.
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
        """Whether more waits than may stay after conflation: half of either limit."""
        return len(self._waiting) * 2 > self._max_messages or self._bytes * 2 > self._max_bytes

    @property
    def has_unconflatable(self) -> bool:
        """Whether an unconflatable message waits."""
        return any(message.key is None for message in self._waiting)

    def put(self, batch: Batch) -> int:
        """Append messages; returns how many were conflated, or raises FellBehind."""
        self._waiting.extend(batch.messages)
        self._bytes += sum(message.size for message in batch.messages)
        before = len(self._waiting)
        if before > self._max_messages or self._bytes > self._max_bytes:
            self._conflate()
            if self.is_too_full:
                raise FellBehind
        return before - len(self._waiting)

    def take(self) -> bytes:
        """Remove whole messages from the front, joined for one send(); b"" if none waits."""
        frames, size = [], 0
        while self._waiting and size < JOINED_BYTES:
            message = self._waiting.popleft()
            self._bytes -= message.size
            frame = message.frame if isinstance(message.frame, bytes) else message.frame()
            frames.append(frame)
            size += len(frame)
        return b"".join(frames)

    def clear(self) -> None:
        """Drop all that waits."""
        self._waiting.clear()
        self._bytes = 0

    def _conflate(self) -> None:
        """Keep the newest message of each key, and all that have none."""
        kept: deque[Message] = deque()
        seen: set[Hashable] = set()
        for message in reversed(self._waiting):
            if message.key is None or message.key not in seen:
                seen.add(message.key)
                kept.appendleft(message)
        self._waiting = kept
        self._bytes = sum(message.size for message in kept)
