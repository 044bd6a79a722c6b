"""Reads the log of a market that was not closed, to tell damage in it from its end.

A log (`-wal`) is a header and frames, each a page with a header of its own ("Database File Format",
4.1 to 4.3). A frame's checksum goes on from that of the frame before it, and its two salts are the
header's; when the log begins anew the salts change, and frames of older salts are left behind the
new ones. SQLite takes what stands before the first frame that is not right, up to the last commit,
and does not say that anything is behind it. A process that was killed leaves nothing there that was
committed: frames of these salts, a commit among them, behind a broken one mean damage.
"""

import errno
import os
import shutil
import struct
from collections.abc import Iterator
from itertools import count, pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

from disorderbook.ledger.lock import beside

MAGIC = {0x377F0682: "<", 0x377F0683: ">"}  # and in which order bytes make a word of a checksum
VERSION = 3007000

_HEADER = struct.Struct(">8I")  # magic, version, page size, sequence, salts, checksum
_FRAME = struct.Struct(">6I")  # page, size of the database after a commit (else 0), salts, checksum
_UNSUMMED = 8  # bytes of the header that are not in its own checksum: that itself
_SUMMED = 8  # bytes of a frame's header that are in its checksum

Pair = tuple[int, int]


class Log(NamedTuple):
    """What is in a log, as far as it can be told."""

    frames: int  # whole ones
    intact: int  # before the first that is not right
    end: int  # of the last commit before that; bytes
    lost: int  # commits of the same salts behind it


class _Frame(NamedTuple):
    is_commit: bool
    salts: Pair
    checksum: Pair


def read_log(file: Path, page_size: int) -> Log:
    """The log of a database whose pages have this size; raises OSError."""
    log = beside(file, "-wal")
    if not log.exists() or log.stat().st_size < _HEADER.size:
        return Log(0, 0, 0, 0)
    with log.open("rb") as opened:
        return _examine(_Content(opened, log.stat().st_size), page_size)


class _Content:
    """Bytes of a log. Not a mapping of it: that kills who reads what another program (which may
    have the database open) has just cut off.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.size = size
        self._file = file

    def read(self, start: int, size: int) -> bytes:
        """Raises OSError if they are not there any more."""
        self._file.seek(start)
        content = self._file.read(size)
        if len(content) < size:
            raise OSError(errno.EBUSY, "another program has cut its log off meanwhile")
        return content


def _examine(content: _Content, page_size: int) -> Log:
    header = content.read(0, _HEADER.size)
    magic, version, size, _, *salts_and_checksum = _HEADER.unpack(header)
    salts, checksum = _halves(salts_and_checksum)
    order = MAGIC.get(magic)
    is_right = (
        order and version == VERSION and checksum == _checksum(order, header[:-_UNSUMMED], (0, 0))
    )
    frames = list(_frames(content, size if is_right else page_size))
    if not order or not is_right:
        salts = _first_salts(frames)
        return Log(len(frames), 0, 0, _commits(frames, salts))
    intact = end = 0
    for number, frame in enumerate(frames):
        start = _HEADER.size + number * (_FRAME.size + size)
        whole = content.read(start, _FRAME.size + size)
        checksum = _checksum(order, whole[:_SUMMED], checksum)
        checksum = _checksum(order, whole[_FRAME.size :], checksum)
        if frame.salts != salts or frame.checksum != checksum:
            break
        intact = number + 1
        if frame.is_commit:
            end = start + len(whole)
    return Log(len(frames), intact, end, _commits(frames[intact + 1 :], salts))


def _frames(content: _Content, page_size: int) -> Iterator[_Frame]:
    step = _FRAME.size + page_size
    for start in range(_HEADER.size, content.size - step + 1, step):
        _, database_size, *salts_and_checksum = _FRAME.unpack(content.read(start, _FRAME.size))
        yield _Frame(database_size > 0, *_halves(salts_and_checksum))


def _commits(frames: list[_Frame], salts: Pair) -> int:
    return sum(frame.is_commit and frame.salts == salts for frame in frames)


def _first_salts(frames: list[_Frame]) -> Pair:
    """What the header's were. The newest frames are the first; one of them may be damaged."""
    for frame, following in pairwise(frames):
        if frame.salts == following.salts:
            return frame.salts
    return frames[0].salts if frames else (0, 0)


def _halves(words: list[int]) -> tuple[Pair, Pair]:
    return (words[0], words[1]), (words[2], words[3])


def _checksum(order: str, content: bytes, before: Pair) -> Pair:
    first, second = before
    for even, odd in struct.iter_unpack(f"{order}II", content):
        first = first + even + second & 0xFFFFFFFF
        second = second + odd + first & 0xFFFFFFFF
    return first, second


def cut_off(file: Path, end: int) -> Path:
    """Shorten the log of a database that nobody has open to so many bytes; returns a copy of it as
    it was, which the disk has. Raises OSError.
    """
    log = beside(file, "-wal")
    copy = _copy(log)
    os.truncate(log, end)
    return copy


def _copy(log: Path) -> Path:
    names = (beside(log, f"-damaged-{number}") for number in count(1))
    copy = next(name for name in names if not name.exists())
    # For its owner only until it has the log's own permissions.
    descriptor = os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with open(descriptor, "wb") as target, log.open("rb") as source:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(descriptor)
        shutil.copymode(log, copy)
    except BaseException:
        copy.unlink()  # a part of it would be taken for the whole
        raise
    return copy
