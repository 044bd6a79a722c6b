"""The file from which other programs learn the exchange's ports (`--ports-file`).

It appears in one step, once both ports listen, so that whoever sees it can read the whole of it and
connect. It never overwrites a file that is none of ours.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from disorderbook.assembly import CannotStart
from disorderbook.protocol.names import HOST

LONGEST = 4096  # bytes; a file that has more is none of ours

Write = Callable[[int, int | None], None]


@contextlib.contextmanager
def ports_file(path: str | None) -> Iterator[Write]:
    """A function that writes the file: call it with the ports of the REST interface and of the
    tape (None without it) once both listen. The end of the block removes the file, unless another
    exchange has replaced it. Both the start of the block and the function raise CannotStart if the
    file cannot be written or would overwrite something else. Without a path nothing is written.
    """
    if path is None:
        yield lambda port, tape_port: None
        return
    file = Path(os.path.realpath(path))  # a link goes on leading there
    with _refused_in_a_sentence(path):
        _check(file)
    written: list[str] = []

    def write(port: int, tape_port: int | None) -> None:
        with _refused_in_a_sentence(path):
            _check(file)
            written.append(_text(port, tape_port))
            _replace(file, written[0])

    try:
        yield write
    finally:
        with contextlib.suppress(OSError):
            if written and file.read_text(encoding="utf-8") == written[0]:
                file.unlink()


def _text(port: int, tape_port: int | None) -> str:
    ports = {
        "pid": os.getpid(),
        "port": port,
        "url": f"http://{HOST}:{port}",
        "tape_port": tape_port,
        "tape_url": None if tape_port is None else f"ws://{HOST}:{tape_port}",
    }
    return json.dumps(ports, indent=2) + "\n"


def _check(file: Path) -> None:
    """Raise OSError unless the file can be written without the loss of anything."""
    if not os.access(file.parent, os.W_OK | os.X_OK):
        file.parent.stat()  # raises FileNotFoundError where there is none
        raise PermissionError(0, "its folder is not writable")
    if os.path.lexists(file) and not (file.is_file() and _is_ours(file)):
        raise FileExistsError(0, "there is something else of that name")


def read_url(path: str) -> str | None:
    """The URL that a ports file tells; None while there is no file, or an empty one. Raises
    ValueError with a sentence for anything else, which no exchange would ever replace.
    """
    try:
        text = _beginning(Path(path))
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise ValueError(f"Cannot read the ports file {path}: {fault.strerror}") from None
    if not text:
        return None
    told = _told(text)
    if told is None or not isinstance(told.get("url"), str):
        raise ValueError(f"{path} is no ports file of an exchange")
    return str(told["url"])


def _is_ours(file: Path) -> bool:
    """Whether this is a ports file of any exchange, or an empty file."""
    text = _beginning(file)
    return not text or _told(text) is not None


def _beginning(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(LONGEST + 1)


def _told(text: bytes) -> dict[str, Any] | None:
    """What a ports file says; None if this is none."""
    try:
        told = json.loads(text) if len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) and {"pid", "port"} <= told.keys() else None


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
def _refused_in_a_sentence(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise CannotStart(f"Cannot write the ports file {path}: {fault.strerror}") from None
