"""What waits to be sent: the parts of an answer on their way to one client, and the count of all.

Chunks are shared. A thousand answers that show one book refer to the same objects, which are in
memory once and are counted once.
"""

from collections import deque
from collections.abc import Iterable, Sequence

MAX_PIECES = 1024  # of a slice, which is what a system takes in one call


class SharedChunks:
    """Chunks that are in many answers together, such as a side of a book: immutable. Its length is
    the bytes in them. Whoever holds it holds them all; so, for whoever counts or sends them for
    one more client, it is one thing, however many they are.
    """

    __slots__ = ("chunks", "_size")

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = tuple(chunks)
        self._size = sum(map(len, self.chunks))

    def __len__(self) -> int:
        return self._size


Part = bytes | SharedChunks
"""Of the body of an answer."""


def chunks_of(parts: Iterable[Part]) -> list[bytes]:
    chunks: list[bytes] = []
    for part in parts:
        if isinstance(part, SharedChunks):
            chunks += part.chunks
        else:
            chunks.append(part)
    return chunks


class Unsent:
    """Bytes of answers that their clients have not taken, of all connections together.

    A chunk is told from others by its identity. It counts until whoever added it drops it, as often
    as it was added; whoever has added it holds it. Shared chunks are added when the first client is
    sent them, and dropped after the last one: a chunk may be in several of them, and counts once.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._holders: dict[int, int] = {}  # by the id of the part, or of the chunk in it

    def add(self, part: Part) -> None:
        key = id(part)
        holders = self._holders.get(key, 0)
        self._holders[key] = holders + 1
        if holders:
            return
        if isinstance(part, SharedChunks):
            for chunk in part.chunks:
                self.add(chunk)
        else:
            self.bytes += len(part)

    def drop(self, part: Part) -> None:
        key = id(part)
        holders = self._holders[key] - 1
        if holders:
            self._holders[key] = holders
            return
        del self._holders[key]
        if isinstance(part, SharedChunks):
            for chunk in part.chunks:
                self.drop(chunk)
        else:
            self.bytes -= len(part)

    def growth(self, parts: Iterable[Part]) -> int:
        """How many bytes these parts would add."""
        new = [part for part in parts if id(part) not in self._holders]
        return sum(len(chunk) for chunk in chunks_of(new) if id(chunk) not in self._holders)


class Outgoing:
    """The parts of an answer for one client, which takes them in slices: references, never copies.

    They count as unsent from the start. A part that a slice has used up counts no more, and is let
    go of, once the slice after it is asked for, which is when the client has taken it.
    """

    def __init__(self, parts: Iterable[Part], unsent: Unsent) -> None:
        self._parts = deque(parts)
        self._used_up: list[Part] = []  # by the last slice
        self._unsent = unsent
        self._index = 0  # of the next chunk in the first part
        self._offset = 0  # in that chunk
        for part in self._parts:
            unsent.add(part)

    @property
    def is_given(self) -> bool:
        """Whether the last slice has been asked for."""
        return not self._parts

    def slice(self, most: int) -> list[bytes | memoryview]:
        """What comes next, at most so many bytes; empty at the end."""
        self._drop_used_up()
        pieces: list[bytes | memoryview] = []
        while most and self._parts and len(pieces) < MAX_PIECES:
            part = self._parts[0]
            chunks = part.chunks if isinstance(part, SharedChunks) else (part,)
            most = self._cut(chunks, most, pieces)
            if self._index == len(chunks):
                self._used_up.append(self._parts.popleft())
                self._index = 0
        return pieces

    def _cut(self, chunks: Sequence[bytes], most: int, pieces: list[bytes | memoryview]) -> int:
        """Take pieces of a part's chunks; how many bytes may still be taken of others."""
        while most and self._index < len(chunks) and len(pieces) < MAX_PIECES:
            chunk, start = chunks[self._index], self._offset
            is_whole = not start and len(chunk) <= most
            piece = chunk if is_whole else memoryview(chunk)[start : start + most]
            pieces.append(piece)
            most -= len(piece)
            self._offset += len(piece)
            if self._offset == len(chunk):
                self._index += 1
                self._offset = 0
        return most

    def close(self) -> None:
        """Hold nothing any more, and count nothing of it."""
        self._used_up += self._parts
        self._parts.clear()
        self._drop_used_up()

    def _drop_used_up(self) -> None:
        for part in self._used_up:
            self._unsent.drop(part)
        self._used_up = []
