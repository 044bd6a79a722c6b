"""A file that gets its name only when all of it is there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEW = "-new"  # ends its name until then


ENDS = ("", "-wal", "-shm", "-journal")  # of the names of what belongs to a database


@contextmanager
def unborn(target: Path, mode: int) -> Iterator[Path]:
    """An empty file beside the target, to be renamed; gone afterwards if it was not.

    `mode` is its permissions before the process's umask. Raises OSError, as where it is there.
    """
    file = target.with_name(f"{target.name}{NEW}")
    os.close(os.open(file, os.O_CREAT | os.O_EXCL, mode))
    try:
        yield file
    finally:
        for end in ENDS:
            Path(f"{file}{end}").unlink(missing_ok=True)
