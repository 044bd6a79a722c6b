"""The options of `disorderbook run`, and the command that repeats one of its seeds.

The rule: what can be seen to be wrong is refused here, before anything is started. Options may
stand before and behind the program; what stands behind `--` is the program's.
"""

import argparse
import os
import random
import shlex
from collections.abc import Sequence

from disorderbook.assembly import FIRST_SYMBOL, FIRST_VENUE
from disorderbook.cli.values import between, name, seconds, seconds_between, sensible
from disorderbook.game.chance import MAX_SEED
from disorderbook.game.levels import LEVELS
from disorderbook.game.run import DAY_SECONDS
from disorderbook.game.simulation import DAYS as LEVEL_DAYS
from disorderbook.lab.output import FILES
from disorderbook.lab.requirements import MOST_REQUIREMENTS, requirement
from disorderbook.lab.runs import LONGEST_PATIENCE, MOST_DAYS
from disorderbook.lab.trial import MOST_SEEDS, UNTIL_SURE
from disorderbook.lab.workers import MOST_JOBS, cores
from disorderbook.process.invocation import ShortParser, command
from disorderbook.timeline.clock import REQUESTS, ClockSettings, clock_settings, fast_clock
from disorderbook.timeline.opponents import opponents_of

PROGRAM = "disorderbook run"
USUAL_DAYS = 100
USUAL_OPPONENTS = "market-maker,taker,noise"
USUAL_CLOCK = "requests:50ms"
USUAL_PATIENCE = 60.0  # seconds
LEAST_PATIENCE = 0.1
END_OF_OPTIONS = "--"
MOST_SEED = 2**31 - 1  # that is drawn where none is given
EXIT_CODES = {
    0: "all went well, and what was required holds",
    1: "a requirement does not hold",
    2: "an option is wrong, or something stands in the way of running or writing",
    3: "a program failed, sent no request for too long, or sent too many",
    4: "with --against: PROGRAM is worse",
    130: "interrupted, by Ctrl-C, SIGTERM or a closed terminal",
}


def run_parser() -> ShortParser:
    """The parser; `parsed` reads a whole command line."""
    codes = "; ".join(f"{code}: {meaning}" for code, meaning in EXIT_CODES.items())
    parser = ShortParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} PROGRAM [ARGUMENT ...] [options] [-- ARGUMENT ...]",
        description="Run a program in private markets, one for each seed, and say how it did.",
        epilog=f"Exit status: {codes}. Money is dollars. docs/lab.md has more.",
    )
    add = parser.add_argument
    add("program", nargs="+", metavar="PROGRAM", help="what to run, and its arguments")
    _add_market(parser)
    add("--repeat", type=between(1, MOST_SEEDS), default=None, metavar="N", help=_REPEAT)
    add("--jobs", type=between(1, MOST_JOBS), default=None, metavar="N", help=_JOBS)
    add("--against", type=sensible(_read_command), default=None, metavar="OLD", help=_AGAINST)
    add("--until-sure", action="store_true", help=_UNTIL_SURE)
    add(
        "--require",
        type=sensible(requirement),
        action="append",
        default=[],
        metavar="TEXT",
        help="what has to hold in each seed, such as 'pnl >= 10000', or of all, such as"
        " 'median pnl > 0'; can be given several times",
    )
    add("--junit", type=sensible(_read_path), metavar="FILE", help=_JUNIT)
    add("--json", action="store_true", help="print the summary as JSON, and nothing else")
    add("--out", type=sensible(_read_path), metavar="DIR", help=_OUT)
    add("--report", type=sensible(_read_path), metavar="FILE", help=_REPORT)
    add("--open", action="store_true", help="open the report in the browser")
    return parser


_REPEAT = f"run so many seeds, from --seed on (default: 1; with --until-sure, at most {UNTIL_SURE})"
_JOBS = "how many to run at a time (default: one for each processor)"
_AGAINST = "a program, and its arguments, that gets the same seeds: is PROGRAM better?"
_UNTIL_SURE = "with --against: run 10, 20, 40 seeds and so on, until it is decided"
_JUNIT = "write whether the requirements hold, as JUnit's XML"
_REPORT = "write one HTML file with the curves, and the book at every moment"
_OUT = "write summary.json, fills.csv, orders.csv and pnl.csv to this folder"


def _add_market(parser: ShortParser) -> None:
    add = parser.add_argument
    add("--level", choices=LEVELS, metavar="NAME", help=f"play a level: {', '.join(LEVELS)}")
    add("--opponents", type=sensible(_read_opponents), metavar="LIST", help=_OPPONENTS)
    add("--venue", type=name, help=_VENUE)
    add("--symbol", "--stock", type=name, help=_SYMBOL)
    add("--rules", type=sensible(_read_path), metavar="FILE", help=_RULES)
    add("--seed", type=between(0, MAX_SEED), metavar="N", help=_SEED)
    add("--days", type=between(1, MOST_DAYS), default=USUAL_DAYS, metavar="N", help=_DAYS)
    add("--day-seconds", type=seconds, default=DAY_SECONDS, metavar="SECONDS", help=_DAY_SECONDS)
    add("--clock", type=sensible(_read_clock), metavar="CLOCK", help=_CLOCK)
    add(
        "--speed",
        type=sensible(fast_clock),
        metavar="X",
        help="instead of --clock: so many simulated seconds pass in a real one",
    )
    add(
        "--patience",
        type=seconds_between(LEAST_PATIENCE, LONGEST_PATIENCE),
        default=USUAL_PATIENCE,
        metavar="SECONDS",
        help=_PATIENCE,
    )


_OPPONENTS = f"who trades where no level is played, such as noise:3 (default: {USUAL_OPPONENTS})"
_VENUE = f"the venue, where no level is played (default: {FIRST_VENUE})"
_SYMBOL = f"the stock, where no level is played (default: {FIRST_SYMBOL})"
_RULES = "what orders must obey where no level is played, in TOML, as of an exchange's --rules"
_SEED = "what a market follows from: with the same N it repeats (default: chance)"
_DAYS = f"trading days to run (default: {USUAL_DAYS}); a level has {LEVEL_DAYS}"
_DAY_SECONDS = f"how long a trading day takes (default: {DAY_SECONDS:g})"
_CLOCK = f"how far a request moves the clock (default: {USUAL_CLOCK})"
_PATIENCE = f"real seconds without a request after which it is ended (default: {USUAL_PATIENCE:g})"


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options; ends the process with a sentence and status 2 for a wrong one.

    `program` has the arguments behind `--` as well; `clock_of` gives the clock.
    """
    own, theirs = list(arguments), []
    if END_OF_OPTIONS in own:
        place = own.index(END_OF_OPTIONS)
        own, theirs = own[:place], own[place + 1 :]
    parser = run_parser()
    options = parser.parse_intermixed_args(own)
    options.program += theirs
    _complete(options)
    problem = next((sentence for is_wrong, sentence in _problems(options) if is_wrong), None)
    if problem:
        parser.error(problem)
    return options


def _complete(options: argparse.Namespace) -> None:
    """Put in what was left out."""
    if options.seed is None:
        options.seed = random.randrange(MOST_SEED)
    if options.repeat is None:
        options.repeat = UNTIL_SURE if options.until_sure else 1
    if options.jobs is None:
        options.jobs = cores()
    options.jobs = min(options.jobs, options.repeat)
    if options.opponents is None:
        options.opponents = "" if options.level else USUAL_OPPONENTS


def _problems(options: argparse.Namespace) -> list[tuple[bool, str]]:
    """What may be wrong with options together."""
    last = options.seed + options.repeat - 1
    words = [*options.program, *(options.against or ())]
    unclear = next((word for word in words if not _is_text(word)), "")
    written = _written(options)
    needs_level = any(each.definition.name == "won" for each in options.require)
    return [
        (bool(unclear), f"PROGRAM and its arguments have to be UTF-8: {unclear!r} is not"),
        (
            bool(options.level and options.opponents),
            "--level brings opponents of its own: leave --opponents out",
        ),
        (
            bool(options.level and (options.venue or options.symbol or options.rules)),
            "--level brings a venue, a stock and rules of its own: leave --venue, --symbol and"
            " --rules out",
        ),
        (
            bool(options.level) and options.days > LEVEL_DAYS,
            f"argument --days: a level has {LEVEL_DAYS} days",
        ),
        (last > MAX_SEED, f"argument --seed: the last seed would be over {MAX_SEED}"),
        (options.clock is not None and options.speed is not None, "--clock or --speed, not both"),
        (options.until_sure and options.against is None, "--until-sure needs --against"),
        (
            len(set(written)) < len(written),
            "--out, --report and --junit: two of them name the same file",
        ),
        (options.open and options.report is None, "--open needs --report FILE"),
        (needs_level and not options.level, "argument --require: 'won' needs --level"),
        (
            len(options.require) > MOST_REQUIREMENTS,
            f"argument --require: at most {MOST_REQUIREMENTS} can be given",
        ),
    ]


def _is_text(word: str) -> bool:
    """Whether a summary and a report can tell it: bytes that are no UTF-8 come as surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in word)


def _written(options: argparse.Namespace) -> list[str]:
    """The files that are to be written, without symbolic links in their names."""
    files = [options.report, options.junit]
    if options.out is not None:
        files += [os.path.join(options.out, name) for name in FILES]
    return [os.path.realpath(each) for each in files if each is not None]


def clock_of(options: argparse.Namespace) -> ClockSettings:
    """The clock that the markets go by."""
    speed: ClockSettings | None = options.speed
    return speed or clock_settings(options.clock or USUAL_CLOCK)


def repeat_command(options: argparse.Namespace, seed: int) -> str:
    """What to type for one seed again, in a POSIX shell."""
    words = ["run", options.program[0], "--seed", str(seed)]
    given = {
        "--level": (options.level, None),
        "--opponents": (None if options.level else options.opponents, USUAL_OPPONENTS),
        "--venue": (options.venue, None),
        "--symbol": (options.symbol, None),
        "--rules": (options.rules, None),
        "--days": (options.days, None),
        "--day-seconds": (options.day_seconds, DAY_SECONDS),
        "--clock": (options.clock, USUAL_CLOCK),
        "--speed": (options.speed and options.speed.speed, None),
        "--patience": (options.patience, USUAL_PATIENCE),
    }
    for option, (value, usual) in given.items():
        if value is not None and value != usual:
            words += [option, f"{value:g}" if isinstance(value, float) else str(value)]
    if len(options.program) > 1:
        words += [END_OF_OPTIONS, *options.program[1:]]
    return f"{command()} {shlex.join(words)}"


def _read_clock(text: str) -> str:
    if clock_settings(text).kind != REQUESTS:
        raise ValueError(f"{text[:40]!r} is no clock for a run: {USUAL_CLOCK}, or use --speed")
    return text


def _read_opponents(text: str) -> str:
    opponents_of(text)
    return text


def _read_path(text: str) -> str:
    if not text:
        raise ValueError("the name is empty")
    return text


def _read_command(text: str) -> list[str]:
    words = shlex.split(text)
    if not words:
        raise ValueError("there is no program in it")
    return words
