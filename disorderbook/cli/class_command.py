"""`disorderbook class ...`: makes a class, starts it, and leads it through its rounds.

The rule: what goes wrong is one sentence, and no key is ever printed but the one of a new card.
"""

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path

from disorderbook.assembly import CannotStart
from disorderbook.classroom.creation import LOOPBACK, NewClass, make_class
from disorderbook.classroom.folder import ClassFolder
from disorderbook.classroom.plan import ClassPlan
from disorderbook.classroom.students import MOST_STUDENTS, numbered_names, read_names
from disorderbook.cli.values import between, host
from disorderbook.protocol.names import LARGEST_PORT
from disorderbook.traders.registry import REGISTRY

STUDENTS = 30  # without --students and --names
Command = Callable[[argparse.Namespace], int]


def run_class(arguments: list[str]) -> int:
    """Run what these arguments ask for; returns the exit status, raises CannotStart."""
    options = class_parser().parse_args(arguments)
    command: Command = options.run
    try:
        return command(options)
    except OSError as fault:
        raise CannotStart(f"{fault.filename or 'The class'}: {fault.strerror or fault}") from None
    except ValueError as fault:
        raise CannotStart(str(fault)) from None


def class_parser() -> argparse.ArgumentParser:
    """The parser of what stands behind `class`."""
    parser = argparse.ArgumentParser(
        prog="disorderbook class", description="Run a class on this machine."
    )
    commands = parser.add_subparsers(required=True, metavar="ACTION")
    _add_make(commands)
    return parser


def _add_make(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "make a folder with a class's accounts, rounds, cards and nginx configuration"
    parser = commands.add_parser("make", help=text, description=text.capitalize() + ".")
    parser.set_defaults(run=_make)
    add = parser.add_argument
    add("--students", type=between(1, MOST_STUDENTS), metavar="N", help="how many (default: 30)")
    add("--names", type=Path, metavar="FILE", help="a CSV file of their names")
    add("--out", type=Path, required=True, metavar="DIR", help="the new folder")
    add(
        "--host",
        type=host,
        action="append",
        default=[],
        help="a name or address of this machine for the cards (default: its addresses); can be"
        " given several times",
    )
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
    print(f"Made {folder.path} for {students} students, who will find the exchange at {plan.url}")
    if plan.hosts == (LOOPBACK,):
        print(
            "This machine has no address in a network now, so the cards lead to itself alone. Once"
            f" it has: disorderbook class cards {place} --host ADDRESS"
        )
    print(f"""
  {folder.cards_file}  to print: a card for each
  {folder.plan_file}  the rounds: edit it as you like
  {folder.admin_key_file}  your own key, for {"/admin" if plan.tls else "/admin on this machine"}

Then:  disorderbook class start {place}""")
