"""How bots are doing, in one line that updates in place; where that is not seen on a terminal, in a
line now and then."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

try:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text
except ModuleNotFoundError:
    sys.exit(
        "The package rich is missing; run: python3 -m pip install rich"
        " (or start this with .venv/bin/python, if the README's set-up was used)."
    )

OFTEN = 0.25  # seconds between two updates in place
SELDOM = 10.0  # seconds between two lines of their own

Show = Callable[[str], None]


@contextmanager
def status_shown(line: Callable[[], str], say: Show) -> Iterator[Callable[[], None]]:
    """A function that shows `line()` when it is time for that, to be called often."""
    console = Console()
    # What rich thinks is a terminal may be a file, if the environment forces colours.
    if not sys.stdout.isatty() or console.is_dumb_terminal:
        yield _paced(lambda: say(line()), SELDOM)
        return
    # Complaints appear above the line, unless they go elsewhere anyway.
    with Live(
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=sys.stderr.isatty(),
    ) as live:
        yield _paced(
            lambda: live.update(Text(line(), no_wrap=True, overflow="ellipsis"), refresh=True),
            OFTEN,
        )


def _paced(show: Callable[[], None], interval: float) -> Callable[[], None]:
    """Calls `show` when that is an interval of seconds ago, else does nothing."""
    shown_at = time.monotonic()

    def show_in_time() -> None:
        nonlocal shown_at
        if time.monotonic() >= shown_at + interval:
            show()
            shown_at = time.monotonic()

    return show_in_time
