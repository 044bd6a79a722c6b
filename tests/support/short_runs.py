"""Runs of a few days, and what tests ask of them."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from disorderbook.lab.record import RunRecord, packed
from disorderbook.lab.runs import RunSettings

OPPONENTS = "market-maker,taker,noise"
PATIENCE = 30.0  # seconds; far more than anything here takes


def settings(program: str, **changes: object) -> RunSettings:
    """A short run of a program, but for these changes."""
    base = RunSettings((program,), opponents=OPPONENTS, days=4, patience=PATIENCE)
    return base._replace(**changes)  # type: ignore[arg-type]


def told(record: RunRecord) -> bytes:
    """A record but for what depends on when a pipe was read, and on where its log is."""
    ending = msgspec.structs.replace(record.ending, log=None)
    return packed(msgspec.structs.replace(record, printed=[], ending=ending))


def is_gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_for(condition: Callable[[], object]) -> None:
    """Until it holds, which must be in PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()
