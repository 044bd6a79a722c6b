"""What a trial came to, as `--json` and summary.json have it, and as a table shows it.

The rule: every number is in the unit of its definition (lab/measures.py), money in dollars. Between
the quartiles is the middle half of the seeds (inclusive method: the least and the most of them are
the 0 % and 100 % points).
"""

import shlex
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from disorderbook.lab.comparison import sentence
from disorderbook.lab.measures import (
    CENTS,
    DEFINITIONS,
    Definition,
    Measures,
    Number,
    in_words,
    numbers,
)
from disorderbook.lab.record import FLOODED, HUNG, RunEnding
from disorderbook.lab.requirements import Judgement
from disorderbook.lab.trial import Trial

Numbers = dict[str, Number | None]
RunSummary = dict[str, Number | str | None]
"""One run: its seed, every number, how it ended, the program's status, and how the level stood."""


class Spread(msgspec.Struct, frozen=True, rename="camel"):
    """How several runs differ: each field has every number by name, None where no run has it."""

    median: Numbers
    lower_quartile: Numbers
    upper_quartile: Numbers
    least: Numbers
    most: Numbers


class WorstSeed(msgspec.Struct, frozen=True, rename="camel"):
    """The run with the least profit, and the command that repeats it."""

    seed: int
    pnl: float
    command: str


class JudgementSummary(msgspec.Struct, frozen=True, rename="camel"):
    """Whether a requirement holds in a seed, or of all seeds (None)."""

    requirement: str
    seed: int | None
    value: Number | None
    holds: bool
    sentence: str


class ComparisonSummary(msgspec.Struct, frozen=True, rename="camel"):
    """How the program did against another one, by profit in dollars in the same seeds."""

    program: list[str]
    runs: list[RunSummary]
    spread: Spread
    verdict: str
    sentence: str
    seeds: int
    difference: float
    interval: tuple[float, float] | None
    won: int
    tied: int
    looks: int


class FailureSummary(msgspec.Struct, frozen=True, rename="camel"):
    """How a program failed that ended the trial."""

    program: str
    seed: int
    reason: str
    status: int | None
    sentence: str
    last_lines: list[str]
    log: str | None


class TrialSettings(msgspec.Struct, frozen=True, rename="camel"):
    """What was tried: the programs with their arguments, and the market.

    `clock` is in the words of `--clock`, or `speed:X`. `venue`, `symbol` and `rules` (a file) are
    None where they were not given.
    """

    program: list[str]
    against: list[str] | None
    level: str | None
    opponents: str
    days: int
    day_seconds: float
    clock: str
    seeds: list[int]
    venue: str | None = None
    symbol: str | None = None
    rules: str | None = None


class TrialSummary(msgspec.Struct, frozen=True, rename="camel"):
    """A trial; without a whole run there is no spread. `status` is the exit status."""

    settings: TrialSettings
    runs: list[RunSummary]
    spread: Spread | None
    worst: WorstSeed | None
    requirements: list[JudgementSummary]
    against: ComparisonSummary | None
    failure: FailureSummary | None
    status: int


def summary(
    settings: TrialSettings,
    trial: Trial,
    judgements: Sequence[Judgement],
    status: int,
    command: Callable[[int], str],
) -> TrialSummary:
    """The summary of a trial; `command` is how the run of a seed is repeated."""
    return TrialSummary(
        settings,
        [_of_seed(each) for each in trial.own],
        spread(trial.own) if trial.own else None,
        _worst(trial.own, command) if trial.own else None,
        [
            JudgementSummary(
                each.requirement.text, each.seed, each.value, each.holds, each.sentence
            )
            for each in judgements
        ],
        _against(settings, trial),
        failure_of(settings, trial),
        status,
    )


def as_json(trial: TrialSummary) -> bytes:
    """The summary as JSON to be read by people, too."""
    return msgspec.json.format(msgspec.json.encode(trial), indent=2) + b"\n"


def spread(runs: Sequence[Measures]) -> Spread:
    """The spread of every number over these runs, of which there must be one."""
    columns: dict[str, list[Number]] = {each.name: [] for each in DEFINITIONS}
    for each in runs:
        for name, number in numbers(each).items():
            if number is not None:
                columns[name].append(number)
    return Spread(
        *(
            {name: reduce(values) if values else None for name, values in columns.items()}
            for reduce in (statistics.median, _quartile(0), _quartile(2), min, max)
        )
    )


def names(settings: TrialSettings) -> tuple[str, str]:
    """What to call the programs: by their files, if these are not the same, or else with their
    arguments.
    """
    program, other = settings.program, settings.against or [""]
    if program[0] != other[0]:
        return program[0], other[0]
    return shlex.join(program), shlex.join(other)


def failure_of(settings: TrialSettings, trial: Trial) -> FailureSummary | None:
    """How the trial failed, if it did."""
    if trial.failure is None:
        return None
    seed, ending, is_own = trial.failure
    program, other = names(settings)
    program = program if is_own else other
    return FailureSummary(
        program,
        seed,
        ending.reason,
        ending.status,
        f"{program} {_failure_in_words(ending)} with seed {seed}",
        list(ending.last_lines),
        ending.log,
    )


def _failure_in_words(ending: RunEnding) -> str:
    if ending.reason == HUNG:
        return (
            "sent no request for too long (--patience; if it waits for the tape, time stands still"
            " meanwhile, but not with --speed)"
        )
    if ending.reason == FLOODED:
        return "sent too many requests"
    if ending.status is None:
        return "could not be started"
    if ending.status < 0:
        return f"was ended by signal {-ending.status}"
    return f"ended with exit status {ending.status}"


def _quartile(number: int) -> Callable[[Sequence[Number]], Number]:
    def quartile(values: Sequence[Number]) -> Number:
        if len(values) == 1:
            return values[0]
        return statistics.quantiles(values, n=4, method="inclusive")[number]

    return quartile


def _worst(runs: Sequence[Measures], command: Callable[[int], str]) -> WorstSeed:
    worst = min(runs, key=lambda each: each.pnl)
    return WorstSeed(worst.seed, worst.pnl / CENTS, command(worst.seed))


def _of_seed(run: Measures) -> RunSummary:
    return {
        "seed": run.seed,
        **numbers(run),
        "ending": run.ending,
        "status": run.status,
        "level": run.level,
        "levelDay": run.level_day,
    }


def _against(settings: TrialSettings, trial: Trial) -> ComparisonSummary | None:
    comparison = trial.comparison
    if comparison is None or settings.against is None:
        return None
    interval = None
    if comparison.lowest is not None and comparison.highest is not None:
        interval = comparison.lowest, comparison.highest
    return ComparisonSummary(
        settings.against,
        [_of_seed(each) for each in trial.other],
        spread(trial.other),
        comparison.verdict,
        sentence(comparison, *names(settings)),
        comparison.seeds,
        comparison.difference,
        interval,
        comparison.won,
        comparison.tied,
        comparison.looks,
    )


class SummaryTable(NamedTuple):
    """The numbers of a trial as rows of text below the names of columns; the first is names."""

    columns: list[str]
    rows: list[list[str]]


def table(trial: TrialSummary) -> SummaryTable:
    """The numbers of a single run, or how those of several are spread."""
    columns: dict[str, Callable[[Definition], str]] = {}
    if trial.spread is not None:
        columns |= _columns(trial.spread, len(trial.runs), "")
    if trial.against is not None:
        columns = {f"{name} ": show for name, show in columns.items()}  # unlike those of the other
        columns |= _columns(trial.against.spread, len(trial.against.runs), "other's ")
    is_level = trial.settings.level is not None
    shown = [each for each in DEFINITIONS if columns and (is_level or each.name != "won")]
    return SummaryTable(
        ["", *(name.strip() for name in columns), "unit"],
        [[each.title, *(show(each) for show in columns.values()), each.unit] for each in shown],
    )


def _columns(values: Spread, seeds: int, whose: str) -> dict[str, Callable[[Definition], str]]:
    def column(numbers: Numbers) -> Callable[[Definition], str]:
        return lambda definition: in_words(numbers[definition.name], definition)

    def quartiles(definition: Definition) -> str:
        lower, upper = (
            each[definition.name] for each in (values.lower_quartile, values.upper_quartile)
        )
        return f"{in_words(lower, definition)} to {in_words(upper, definition)}"

    if seeds == 1:
        return {f"{whose}run": column(values.median)}
    columns = {f"{whose}median": column(values.median), f"{whose}quartiles": quartiles}
    return columns | {f"{whose}least": column(values.least), f"{whose}most": column(values.most)}
