"""`disorderbook class ...`: makes a class, starts it, and leads it through its rounds.

The rule: what goes wrong is one sentence, and no key is ever printed but the one of a new card.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from disorderbook.assembly import CannotStart
from disorderbook.classroom.changes import (
    add_student,
    cards_lead_to,
    connection_of,
    end_class,
    new_cards,
    rekey_student,
)
from disorderbook.classroom.children import CannotRun
from disorderbook.classroom.connection import NoExchange
from disorderbook.classroom.creation import LOOPBACK, NewClass, make_class
from disorderbook.classroom.folder import ClassFolder
from disorderbook.classroom.plan import MOST_ROUNDS, ClassPlan
from disorderbook.classroom.rounds import Rounds
from disorderbook.classroom.session import STEPS, Session, Terminal, lead, score_lines
from disorderbook.classroom.students import MOST_STUDENTS, numbered_names, read_names
from disorderbook.cli.values import between, host
from disorderbook.ledger.location import Unusable
from disorderbook.process.invocation import ShortParser, command
from disorderbook.protocol.names import LARGEST_PORT
from disorderbook.traders.registry import REGISTRY

STUDENTS = 30  # without --students and --names
Command = Callable[[argparse.Namespace], int]


def run_class(arguments: list[str]) -> int:
    """Run what these arguments ask for; returns the exit status, raises CannotStart."""
    options = class_parser().parse_args(arguments)
    command: Command = options.run
    before = os.umask(0o077)
    try:
        return command(options)
    except BrokenPipeError:  # nobody reads on: no file is at fault
        raise
    except OSError as fault:
        raise CannotStart(f"{fault.filename or 'The class'}: {fault.strerror or fault}") from None
    except (ValueError, NoExchange, CannotRun, Unusable) as fault:
        raise CannotStart(str(fault)) from None
    finally:
        os.umask(before)


def class_parser() -> ShortParser:
    """The parser of what stands behind `class`."""
    parser = ShortParser(prog="disorderbook class", description="Run a class on this machine.")
    commands = parser.add_subparsers(required=True, metavar="ACTION")
    _add_make(commands)
    start = _add(commands, "start", _start, "start it, and lead through its rounds at a prompt")
    start.add_argument(
        "--auto", action="store_true", help="end each round by itself when its time is up"
    )
    step = _add(commands, "round", _round, "lead through the rounds from another terminal", "step")
    step.add_argument("number", type=between(1, MOST_ROUNDS), nargs="?", metavar="N")
    _add(commands, "scores", _scores, "print what everybody has made, in each round and in total")
    for name, run, text in (
        ("add", _add_student, "give an account, a key and a card to a student who comes late"),
        ("rekey", _rekey, "give a new key and a card to a student who has lost the old one"),
    ):
        _add(commands, name, run, text).add_argument("name", metavar="NAME")
    cards = _add(commands, "cards", _cards, "make the cards anew")
    _add_host(cards)
    end = _add(commands, "end", _end, "write the results, once the class does not run any more")
    end.add_argument("--wipe", action="store_true", help="and take away all keys and the market")
    return parser


def _add(
    commands: "argparse._SubParsersAction[ShortParser]",
    name: str,
    run: Command,
    text: str,
    first: str = "",
) -> ShortParser:
    """A parser for what is done with a class that is there; returns it."""
    parser = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
    parser.set_defaults(run=run)
    if first:
        parser.add_argument(first, choices=STEPS, metavar="STEP", help=", ".join(STEPS))
    parser.add_argument("folder", type=_class_folder, metavar="DIR", help="the class's folder")
    return parser


def _class_folder(text: str) -> ClassFolder:
    folder = ClassFolder(Path(text))
    if not folder.plan_file.is_file():
        raise argparse.ArgumentTypeError(f"{text} is no folder of a class: no class.toml is there")
    if not folder.admin_key_file.is_file():
        raise argparse.ArgumentTypeError(
            f"{text} has no keys any more, as after `class end --wipe`: make another class"
        )
    return folder


def _start(options: argparse.Namespace) -> int:
    streams = sys.stdin, sys.stdout
    terminal = Terminal(all(stream is not None and stream.isatty() for stream in streams))
    Session(options.folder, terminal.say, options.auto, terminal.ask).run()
    return 0


def _round(options: argparse.Namespace) -> int:
    _say(lead(_rounds(options.folder), options.step, options.number))
    return 0


def _scores(options: argparse.Namespace) -> int:
    for line in score_lines(_rounds(options.folder), list(options.folder.students())):
        _say(line)
    return 0


def _rounds(folder: ClassFolder) -> Rounds:
    plan = folder.plan()
    return Rounds(folder, plan, connection_of(folder, plan))


def _add_student(options: argparse.Namespace) -> int:
    with _telling_of_old_cards(options.folder):
        key = add_student(options.folder, options.name)
        _say(f"{options.name} has the key {key}; the card is {options.folder.new_card_file}")
    return 0


def _rekey(options: argparse.Namespace) -> int:
    with _telling_of_old_cards(options.folder):
        key = rekey_student(options.folder, options.name)
        _say(f"{options.name} has the new key {key}; the card is {options.folder.new_card_file}")
    return 0


def _cards(options: argparse.Namespace) -> int:
    with _telling_of_old_cards(options.folder):
        plan = new_cards(options.folder, options.host)
        _say(f"{options.folder.cards_file} leads to {plan.url}")
    return 0


@contextmanager
def _telling_of_old_cards(folder: ClassFolder) -> Iterator[None]:
    """Say that cards made before the block lead elsewhere than those made in it."""
    before = cards_lead_to(folder)
    yield
    after = cards_lead_to(folder)
    if before not in (None, after):
        _say(
            f"Cards that were handed out before are old: they lead to {before}, and the class is at"
            f" {after} now. Print {folder.cards_file} again."
        )


def _end(options: argparse.Namespace) -> int:
    written = end_class(options.folder, options.wipe)
    _say(f"Wrote {' '.join(map(str, written))}" if written else "Nothing was traded.")
    if options.wipe:
        _say(f"All keys and the market are gone from {options.folder.path}.")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _add_host(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host",
        type=host,
        action="append",
        default=[],
        help="a name or address of this machine for the cards (default: its addresses); can be"
        " given several times",
    )


def _add_make(commands: "argparse._SubParsersAction[ShortParser]") -> None:
    text = "make a folder with a class's accounts, rounds, cards and nginx configuration"
    parser = commands.add_parser("make", help=text, description=text.capitalize() + ".")
    parser.set_defaults(run=_make)
    add = parser.add_argument
    add("--students", type=between(1, MOST_STUDENTS), metavar="N", help="how many (default: 30)")
    add("--names", type=Path, metavar="FILE", help="a CSV file of their names")
    add("--out", type=Path, required=True, metavar="DIR", help="the new folder")
    _add_host(parser)
    add("--port", type=between(1, LARGEST_PORT), metavar="N", help="port for the others")
    add("--exchange-port", type=between(1, LARGEST_PORT), metavar="N", help="port of the exchange")
    add("--tls", action="store_true", help="encrypt, with a certificate of our own")


def _make(options: argparse.Namespace) -> int:
    bots = {bot.account for bot in REGISTRY.values()}
    most = options.students or MOST_STUDENTS
    names = (
        numbered_names(options.students or STUDENTS)
        if options.names is None
        else read_names(options.names, most, bots)
    )
    wanted = NewClass(names, options.host, options.port, options.exchange_port, options.tls)
    plan = make_class(options.out, wanted)
    _tell_of(ClassFolder(options.out), plan, len(names))
    return 0


def _tell_of(folder: ClassFolder, plan: ClassPlan, students: int) -> None:
    place = shlex.quote(str(folder.path))
    whom = f"{students} students, who" if students > 1 else "1 student, who"
    print(f"Made {folder.path} for {whom} will find the exchange at {plan.url}")
    if plan.hosts == (LOOPBACK,):
        print(
            "This machine has no address in a network now, so the cards lead to itself alone. Once"
            f" it has: {command()} class cards {place} --host ADDRESS"
        )
    print(f"""
  {folder.cards_file}  to print: a card for each
  {folder.plan_file}  the rounds: edit it as you like
  {folder.admin_key_file}  your own key, for {"/admin" if plan.tls else "/admin on this machine"}

Then:  {command()} class start {place}""")
