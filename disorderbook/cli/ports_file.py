"""The file that tells other programs at which ports the exchange is (`--ports-file`)."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from disorderbook.assembly import CannotStart
from disorderbook.protocol.names import HOST

LONGEST = 4096  # bytes; a file that has more is none of ours


Tell = Callable[[int, int | None], None]


@contextlib.contextmanager
def ports_file(path: str | None) -> Iterator[Tell]:
    """A function to call with the ports of the REST interface and of the tape (None without it)
    once both listen. It puts the file there in one step, so that whoever sees it can read the whole
    of it; the end of the block takes it away, unless it is somebody else's by then. Both raise
    CannotStart if the file cannot be written, or is one that we would have to overwrite.
    """
    if path is None:
        yield lambda port, tape_port: None
        return
    file = Path(os.path.realpath(path))  # a link goes on leading there
    with _sentences(path):
        _check(file)
    told: list[str] = []

    def tell(port: int, tape_port: int | None) -> None:
        with _sentences(path):
            _check(file)
            told.append(_text(port, tape_port))
            _replace(file, told[0])

    try:
        yield tell
    finally:
        with contextlib.suppress(OSError):
            if told and file.read_text(encoding="utf-8") == told[0]:
                file.unlink()


def _text(port: int, tape_port: int | None) -> str:
    known = {
        "pid": os.getpid(),
        "port": port,
        "url": f"http://{HOST}:{port}",
        "tape_port": tape_port,
        "tape_url": None if tape_port is None else f"ws://{HOST}:{tape_port}",
    }
    return json.dumps(known, indent=2) + "\n"


def _check(file: Path) -> None:
    """Raise OSError unless the file can be put there and nothing is lost by that."""
    if not os.access(file.parent, os.W_OK | os.X_OK):
        file.parent.stat()  # says so where there is none
        raise PermissionError(0, "its folder is not writable")
    if os.path.lexists(file) and not (file.is_file() and _is_ours(file)):
        raise FileExistsError(0, "there is something else of that name")


def _is_ours(file: Path) -> bool:
    """Whether a ports file is there, of whatever exchange, or an empty one that waits for it."""
    with file.open("rb") as opened:
        text = opened.read(LONGEST + 1)
    try:
        return not text or len(text) <= LONGEST and {"pid", "port"} <= json.loads(text).keys()
    except (ValueError, AttributeError, RecursionError):
        return False


def _replace(file: Path, text: str) -> None:
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


@contextlib.contextmanager
def _sentences(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise CannotStart(f"Cannot write the ports file {path}: {fault.strerror}") from None
