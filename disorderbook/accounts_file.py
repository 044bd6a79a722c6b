"""The file of account names and keys: read at the start, and again whenever it has changed.

A file that cannot be used leaves everything as it was, and the log says why. Editors and programs
write files in several steps, but a JSON object of which a part is missing is none.
"""

import json
import logging
import os
import stat
import threading
from pathlib import Path
from types import TracebackType

from disorderbook.accounts import Accounts, check_keys
from disorderbook.threads import join

CHECK_SECONDS = 1.0  # between two looks at the file

log = logging.getLogger(__name__)

_State = tuple[int, ...] | None  # of a file; None if there is none
_NO_FILE: _State = ()


class AccountsFile:
    """The `accounts` of a file, which follow it within a `with` block.

    Its construction raises OSError, or ValueError with a sentence that begins with the path.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._state = _state_of(path)
        self.accounts = Accounts(read_keys(path))
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="accounts", daemon=True)

    def __enter__(self) -> Accounts:
        self._thread.start()
        return self.accounts

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_over.set()
        join(self._thread)

    def check(self) -> None:
        """Read the file again if it has changed since it was last looked at."""
        state = _state_of(self._path)
        if state == self._state:
            return
        self._state = state
        if state == _NO_FILE:
            self._complain(f"{self._path} is no ordinary file any more")
            return
        try:
            self.accounts.replace(read_keys(self._path))
        except OSError as fault:
            self._complain(f"{self._path} cannot be read: {fault.strerror}")
        except ValueError as fault:
            self._complain(str(fault))
        else:
            log.info("The accounts file %s has changed and was read again", self._path)

    def _complain(self, sentence: str) -> None:
        log.warning("The accounts and keys stay as they were: the accounts file %s", sentence)

    def _run(self) -> None:
        while not self._is_over.wait(CHECK_SECONDS):
            self.check()


def read_keys(path: str) -> dict[str, str]:
    """A JSON object of account names and keys, in UTF-8 or UTF-16, with a byte order mark or
    without; each key is such as can be sent.

    Raises OSError, or ValueError with a sentence that begins with the path and tells no key.
    """
    try:
        keys = json.loads(Path(path).read_bytes(), object_pairs_hook=_without_repetition)
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply to hold accounts") from None
    except UnicodeDecodeError as fault:
        raise ValueError(f"{path} is not valid JSON: it is no {fault.encoding} text") from None
    except ValueError as fault:
        raise ValueError(f"{path} is not valid JSON: {fault}") from None
    check_keys(path, keys)
    return dict(keys)


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"the name {name[:20]!r} stands there twice")
        members[name] = value
    return members


def _state_of(path: str) -> _State:
    """What changes with a file. What is no ordinary file, such as a pipe, can be read once only,
    and counts as one that never changes.
    """
    try:
        found = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return _NO_FILE
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
