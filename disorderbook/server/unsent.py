"""What waits to be sent: the chunks of an answer on their way to one client, and the count of all.

Chunks are shared. A thousand answers that show one book refer to the same objects, which are in
memory once and are counted once.
"""

from collections import deque
from collections.abc import Iterable, Sequence

MAX_PARTS = 1024  # of a slice, which is what a system takes in one call


class Unsent:
    """Bytes of answers that their clients have not taken, of all connections together.

    A chunk is told from others by its identity. It counts until whoever added it drops it, as often
    as it was added; whoever has added it holds it.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._holders: dict[int, int] = {}  # by the chunk's id

    def add(self, chunk: bytes) -> None:
        key = id(chunk)
        holders = self._holders.get(key, 0)
        if not holders:
            self.bytes += len(chunk)
        self._holders[key] = holders + 1

    def drop(self, chunk: bytes) -> None:
        key = id(chunk)
        holders = self._holders[key] - 1
        if holders:
            self._holders[key] = holders
        else:
            self.bytes -= len(chunk)
            del self._holders[key]

    def growth(self, chunks: Sequence[bytes]) -> int:
        """How many bytes these chunks would add."""
        return sum(len(chunk) for chunk in chunks if id(chunk) not in self._holders)


class Outgoing:
    """Chunks for one client, which takes them in slices: references, never copies.

    They count as unsent from the start. What a slice has used up counts no more, and is let go of,
    once the slice after it is asked for, which is when the client has taken it.
    """

    def __init__(self, chunks: Iterable[bytes], unsent: Unsent) -> None:
        self._chunks = deque(chunks)
        self._used_up: list[bytes] = []  # by the last slice
        self._unsent = unsent
        self._offset = 0  # in the first chunk
        for chunk in self._chunks:
            unsent.add(chunk)

    @property
    def is_given(self) -> bool:
        """Whether the last slice has been asked for."""
        return not self._chunks

    def slice(self, most: int) -> list[bytes | memoryview]:
        """What comes next, at most so many bytes; empty at the end."""
        self._drop_used_up()
        parts: list[bytes | memoryview] = []
        while most and self._chunks and len(parts) < MAX_PARTS:
            chunk, start = self._chunks[0], self._offset
            is_whole = not start and len(chunk) <= most
            part = chunk if is_whole else memoryview(chunk)[start : start + most]
            parts.append(part)
            most -= len(part)
            self._offset += len(part)
            if self._offset == len(chunk):
                self._used_up.append(self._chunks.popleft())
                self._offset = 0
        return parts

    def close(self) -> None:
        """Hold nothing any more, and count nothing of it."""
        self._used_up += self._chunks
        self._chunks.clear()
        self._drop_used_up()

    def _drop_used_up(self) -> None:
        for chunk in self._used_up:
            self._unsent.drop(chunk)
        self._used_up = []
