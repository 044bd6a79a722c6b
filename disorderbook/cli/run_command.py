"""`disorderbook run`: runs a program in private markets, and says how it did.

The rule: an exit status means one thing (EXIT_CODES in run_options). What is to be written is
opened before a program is started, and has its name only when the trial is over.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import webbrowser
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from disorderbook.assembly import CannotStart
from disorderbook.cli.run_display import progress, show, show_failure
from disorderbook.cli.run_options import clock_of, parsed, repeat_command
from disorderbook.cli.start import rules_of
from disorderbook.lab.comparison import WORSE
from disorderbook.lab.output import PackedRecords, trial_files
from disorderbook.lab.record import RunRecord
from disorderbook.lab.report import Rival, report
from disorderbook.lab.requirements import Judgement, judged, junit_xml
from disorderbook.lab.runs import RunSettings, checked_settings
from disorderbook.lab.summary import TrialSettings, TrialSummary, as_json, names, summary
from disorderbook.lab.trial import Runs, Trial
from disorderbook.lab.workers import WorkerFailed, run_seeds
from disorderbook.ledger.location import MODE, Unusable, replacements
from disorderbook.timeline.clock import SPEED

REQUIREMENT_FAILED = 1  # exit statuses
PROGRAM_FAILED = 3
IS_WORSE = 4
INTERRUPTED = 130


def run_programs(arguments: Sequence[str]) -> int:
    """Run what the arguments say; returns the exit status. Raises CannotStart."""
    options = parsed(arguments)
    _interrupt_when_hung_up()
    try:
        result = _run(options)
    except (Unusable, WorkerFailed) as fault:
        raise CannotStart(str(fault)) from None
    except OSError as fault:
        where = f"Cannot write {fault.filename}" if fault.filename else "Cannot go on"
        raise CannotStart(f"{where}: {fault.strerror}") from None
    except KeyboardInterrupt:
        print("disorderBook: Interrupted before the trial was over", file=sys.stderr)
        return INTERRUPTED
    try:
        _print(result, options)
        if sys.stdout is not None:  # it was not closed from the start
            sys.stdout.flush()
    except OSError as fault:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(fault, BrokenPipeError):  # nobody reads on, but the status stays true
            raise CannotStart(f"Cannot print: {fault.strerror}") from None
    return result.status


def _interrupt_when_hung_up() -> None:
    """Have a closed terminal do what Ctrl-C does, unless that is ignored, as under nohup: else it
    would leave the program running, and unfinished files.
    """
    hangup = getattr(signal, "SIGHUP", None)  # not on Windows
    if hangup is not None and signal.getsignal(hangup) is signal.SIG_DFL:
        signal.signal(hangup, signal.default_int_handler)


def _run(options: argparse.Namespace) -> TrialSummary:
    """Run the trial and write what was asked for."""
    with ExitStack() as stack, ExitStack() as unneeded:
        files = stack.enter_context(trial_files(options.out)) if options.out else None
        junit = stack.enter_context(_replacement(options.junit)) if options.junit else None
        page = stack.enter_context(_replacement(options.report)) if options.report else None
        logs = Path(tempfile.mkdtemp(prefix="disorderbook-run-"))
        unneeded.callback(shutil.rmtree, logs, ignore_errors=True)
        trial, kept, others = _trial(options, logs), PackedRecords(), PackedRecords()

        def watch(record: RunRecord, is_own: bool) -> None:
            advance()
            if is_own and files is not None:
                files.add(record)
            if page is not None:
                (kept if is_own else others).add(record)

        with progress(options.repeat * (2 if options.against else 1)) as advance:
            trial.run(watch)
        if trial.failure is not None:
            unneeded.pop_all()  # its log is to be read
        judgements = judged(options.require, trial.own)
        result = _summary(options, trial, judgements)
        if files is not None:
            files.finish(as_json(result))
        if junit is not None:
            junit.write_bytes(_junit(result, trial, judgements))
        if page is not None:
            program, other = names(result.settings)
            rival = Rival(other, others, result.against.sentence) if result.against else None
            command = partial(repeat_command, options)
            report(kept, page, title=program, command=command, against=rival)
    return result


def _print(result: TrialSummary, options: argparse.Namespace) -> None:
    if options.json:
        print(as_json(result).decode(), end="")
    else:
        show(result)
    if result.failure is not None:
        show_failure(result.failure)
    if options.open:
        webbrowser.open(Path(options.report).resolve().as_uri())


def _trial(options: argparse.Namespace, logs: Path) -> Trial:
    """The trial that the options ask for; raises ValueError for what cannot be run."""
    seeds = range(options.seed, options.seed + options.repeat)
    program = _runs(options, options.program, logs / "program")
    against = options.against and _runs(options, options.against, logs / "against")
    return Trial(seeds, program, against, options.until_sure)


def _runs(options: argparse.Namespace, command: Sequence[str], logs: Path) -> Runs:
    """Runs a command in markets as the options say."""
    clock = clock_of(options)
    settings = RunSettings(
        program=tuple(command),
        level=options.level,
        opponents=options.opponents,
        days=options.days,
        day_seconds=options.day_seconds,
        step=clock.step,
        speed=clock.speed if clock.kind == SPEED else None,
        patience=options.patience,
        logs=str(logs),
        venue=options.venue,
        symbol=options.symbol,
        rules=rules_of(options.rules),
    )
    try:
        checked_settings(settings)
    except ValueError as fault:
        raise CannotStart(str(fault)) from None
    logs.mkdir()

    def runs(seeds: Sequence[int]) -> Generator[RunRecord, None, None]:
        yield from run_seeds(settings, seeds, options.jobs)

    return runs


def _summary(
    options: argparse.Namespace, trial: Trial, judgements: Sequence[Judgement]
) -> TrialSummary:
    clock = clock_of(options)
    settings = TrialSettings(
        program=options.program,
        against=options.against,
        level=options.level,
        opponents=options.opponents,
        days=options.days,
        day_seconds=options.day_seconds,
        clock=f"speed:{clock.speed:g}"
        if clock.kind == SPEED
        else f"requests:{clock.step / 1e6:g}ms",
        seeds=list(trial.seeds),
        venue=options.venue,
        symbol=options.symbol,
        rules=options.rules,
    )
    status = _status(trial, judgements)
    return summary(settings, trial, judgements, status, partial(repeat_command, options))


def _status(trial: Trial, judgements: Sequence[Judgement]) -> int:
    """The exit status; the first that applies counts."""
    if trial.failure is not None:
        return PROGRAM_FAILED
    if not all(each.holds for each in judgements):
        return REQUIREMENT_FAILED
    comparison = trial.comparison
    return IS_WORSE if comparison is not None and comparison.verdict == WORSE else 0


def _junit(result: TrialSummary, trial: Trial, judgements: Sequence[Judgement]) -> bytes:
    failures = {result.failure.seed: result.failure.sentence} if result.failure else {}
    return junit_xml(judgements, failures, trial.undone)


@contextmanager
def _replacement(path: str) -> Iterator[Path]:
    """A file to be written that has its name after the block."""
    place = Path(path)
    with replacements(str(place.parent), [place.name], MODE) as (file,):
        yield file
