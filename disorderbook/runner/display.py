"""What bots show: complaints on stderr, and one line about how they do.

The rule: many bots at once must not flood a terminal. A complaint that differs from others in its
numbers alone is printed a few times and then seldom. The status line, with the package rich (the
extra [bots]), is updated in place on a terminal; otherwise a line is printed now and then.
"""

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

FREE_REPEATS = 3  # times that a sentence is printed in any case
INTERVAL = 10.0  # seconds before it is printed again after that
MAX_KINDS = 1000  # of sentences that are remembered

if TYPE_CHECKING:
    from rich.console import Console

UPDATE_INTERVAL = 0.25  # seconds between two updates in place
PRINT_INTERVAL = 10.0  # seconds between two lines of their own

Show = Callable[[], None]
"""Shows the line if it is time for that; to be called often."""


@dataclass
class _Kind:
    times: int = 0
    printed_at: float = 0.0  # monotonic seconds


class Complaints:
    """Prints sentences on stderr. Sentences that differ in numbers alone are of one kind."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}
        self._lock = threading.Lock()

    def __call__(self, sentence: str) -> None:
        if self._is_due(re.sub(r"\d+", "#", sentence)):
            complain(sentence)

    def _is_due(self, wording: str) -> bool:
        with self._lock:
            if len(self._kinds) >= MAX_KINDS:
                self._kinds.clear()
            kind = self._kinds.setdefault(wording, _Kind())
            kind.times += 1
            now = time.monotonic()
            if kind.times > FREE_REPEATS and now < kind.printed_at + INTERVAL:
                return False
            kind.printed_at = now
            return True


def complain(sentence: str) -> None:
    """Print a sentence on stderr in one write, so that the lines of threads do not mix."""
    sys.stderr.write(sentence + "\n")


def status_line(
    line: Callable[[], str], say: Callable[[str], None]
) -> AbstractContextManager[Show]:
    """A block in which `line()` is shown; it is updated on a terminal, and elsewhere given to
    `say`.
    """
    console = _terminal()
    if console is None:
        return nullcontext(_every(PRINT_INTERVAL, lambda: say(line())))
    return _updated_in_place(line, console)


def _terminal() -> "Console | None":
    # What rich thinks is a terminal may be a file, if the environment forces colours.
    if not sys.stdout.isatty():
        return None
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        return None
    console = Console()
    return None if console.is_dumb_terminal else console


@contextmanager
def _updated_in_place(line: Callable[[], str], console: "Console") -> Iterator[Show]:
    from rich.live import Live
    from rich.text import Text

    # Complaints appear above the line, unless they go elsewhere anyway.
    with Live(
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=sys.stderr.isatty(),
    ) as live:
        yield _every(
            UPDATE_INTERVAL,
            lambda: live.update(Text(line(), no_wrap=True, overflow="ellipsis"), refresh=True),
        )


def _every(interval: float, show: Show) -> Show:
    """Calls `show` if that was `interval` seconds ago or longer, and else does nothing."""
    shown_at = time.monotonic()

    def show_in_time() -> None:
        nonlocal shown_at
        if time.monotonic() >= shown_at + interval:
            show()
            shown_at = time.monotonic()

    return show_in_time
