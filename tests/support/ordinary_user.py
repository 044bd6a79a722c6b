"""Permissions as an ordinary user meets them, also where the tests are run by root."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534  # a user that owns no files


@contextmanager
def folder() -> Iterator[Path]:
    """One that every user may read and enter, as pytest's own may not be."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made)


@contextmanager
def may_only_read(made: Path) -> Iterator[None]:
    """May not write to this folder and the files in it."""
    everything = [made, *made.iterdir()]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)
        for path in everything:
            path.chmod(0o755 if path.is_dir() else 0o644)
