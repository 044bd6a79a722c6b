"""How a trial looks on a terminal: its progress, its table, and what there is to say below.

The rule: the package rich (the extra [bots]) is used on a terminal alone. Without it, or where the
output goes elsewhere, the same table is plain text, and no progress is shown.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from disorderbook.lab.record import DAYS, DECIDED, EXITED
from disorderbook.lab.summary import FailureSummary, SummaryTable, TrialSummary, names, table

if TYPE_CHECKING:
    from rich.console import Console

MOST_FAILS_SHOWN = 20  # requirements that do not hold
ENDINGS = {
    DAYS: "ran to the end of the last day",
    DECIDED: "ended with the level",
    EXITED: "ended by itself before that",
}


@contextmanager
def progress(total: int) -> Iterator[Callable[[], None]]:
    """A block in which a bar grows by one of so many runs with each call, on a terminal."""
    console = _terminal(sys.stderr)
    if console is None:
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = "runs", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("runs", total=total)
        yield lambda: bar.advance(task)


def show(trial: TrialSummary) -> None:
    """Print a trial on stdout."""
    print(_heading(trial))
    if trial.spread is not None:
        _print_table(table(trial))
    for line in _below(trial):
        print(line)


def show_failure(failure: FailureSummary) -> None:
    """Print on stderr how a program failed."""
    lines = [f"disorderBook: {failure.sentence}"]
    if failure.last_lines:
        lines += ["The last lines of its stderr:", *(f"  {each}" for each in failure.last_lines)]
    if failure.log is not None:
        lines.append(f"All that it printed is in {failure.log}")
    print("\n".join(map(_visible, lines)), file=sys.stderr)


def _heading(trial: TrialSummary) -> str:
    asked = trial.settings
    seeds = f"seed {asked.seeds[0]}"
    if len(trial.runs) > 1:
        seeds = f"seeds {asked.seeds[0]} to {asked.seeds[len(trial.runs) - 1]}"
    market = asked.level or f"against {asked.opponents or 'nobody'}"
    if asked.rules is not None:
        market += f" by {asked.rules}"
    days = f"{asked.days} day{'s' * (asked.days > 1)} of {asked.day_seconds:g} s"
    return _visible(f"{names(asked)[0]}, {seeds}, {days}, {market}, clock {asked.clock}")


def _print_table(shown: SummaryTable) -> None:
    console = _terminal(sys.stdout)
    if console is None:
        print("\n".join(_plain(shown)))
        return
    from rich.table import Table
    from rich.text import Text

    drawn = Table()
    for column in shown.columns:
        drawn.add_column(column, justify="left" if column in ("", "unit") else "right")
    for row in shown.rows:
        drawn.add_row(*map(Text, row))
    console.print(drawn)


def _plain(shown: SummaryTable) -> Iterator[str]:
    """The lines of a table: names and units to the left, numbers to the right."""
    lines = [shown.columns, *shown.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for name, *numbers, unit in lines:
        cells = [f"{cell:>{width}}" for cell, width in zip(numbers, widths[1:], strict=False)]
        yield "  ".join([f"{name:<{widths[0]}}", *cells, unit]).rstrip()


def _below(trial: TrialSummary) -> Iterator[str]:
    """What the table does not say."""
    endings = Counter(str(each["ending"]) for each in trial.runs)
    if set(endings) - {DAYS}:
        parts = (f"{count} {ENDINGS.get(name, name)}" for name, count in endings.items())
        yield f"Of {len(trial.runs)} run{'s' * (len(trial.runs) > 1)}, {', '.join(parts)}."
    silent = sum(each.get("requests") == 0 for each in trial.runs)
    if silent:
        where = "DISORDERBOOK_URL in the environment, or {url} in an argument"
        runs = "the run" if len(trial.runs) == 1 else f"{silent} of {len(trial.runs)} runs"
        yield f"In {runs} it sent no request: {where}, says where to trade."
    if trial.worst is not None and len(trial.runs) > 1:
        yield f"Worst seed: {trial.worst.seed}, P&L {trial.worst.pnl:,.2f}. To run it again:"
        yield f"  {trial.worst.command}"
    if trial.against is not None:
        yield trial.against.sentence
    if trial.requirements:
        yield from _requirements(trial)


def _requirements(trial: TrialSummary) -> Iterator[str]:
    failed = [each for each in trial.requirements if not each.holds]
    for each in failed[:MOST_FAILS_SHOWN]:
        yield each.sentence
    if len(failed) > MOST_FAILS_SHOWN:
        yield f"... and {len(failed) - MOST_FAILS_SHOWN} more (--json has all)"
    yield f"{len(trial.requirements) - len(failed)} of {len(trial.requirements)} requirements hold."


def _terminal(stream: TextIO | None) -> "Console | None":
    """What draws on a stream, if that is a terminal that can do so and rich is installed."""
    if stream is None or not stream.isatty():
        return None
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        return None
    console = Console(file=stream)
    return None if console.is_dumb_terminal else console


def _visible(text: str) -> str:
    """A line of a program without what a terminal would obey."""
    return "".join(each if each.isprintable() or each == "\t" else "\ufffd" for each in text)
