"""The subcommands, and `--export`: what the command line does besides running an exchange.

The rule: each subcommand is a function that adds a parser of its own and says with
`set_defaults(run=...)` which function runs it. That takes the options that were parsed, and returns
the exit status. What only a subcommand with a parser of its own needs is imported when it runs, so
that an exchange starts without it.
"""

import argparse
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from disorderbook.assembly import CannotStart, check_mark
from disorderbook.cli.start import rules_of
from disorderbook.exchange import Exchange
from disorderbook.ledger.archive import Market
from disorderbook.ledger.copies import back_up, export, upgrade
from disorderbook.ledger.location import Unusable
from disorderbook.ledger.trades import load_pasts
from disorderbook.marketdata.history import History
from disorderbook.marketdata.mark import Mark, Marks
from disorderbook.marketdata.ranking import Price
from disorderbook.rules.market import NO_RULES

PROGRAM = "disorderbook bots"
NO_PREFIX = "\0"  # with which no argument can begin


def add_backup(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "copy a market, also one that an exchange is using, and end"
    parser = commands.add_parser("backup", help=text, description=text.capitalize() + ".")
    parser.set_defaults(run=run_backup)
    parser.add_argument("file", metavar="FILE", help="the file of the market")
    parser.add_argument("copy", metavar="COPY", help="the new file, which must not be there yet")


def add_upgrade(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "write the market of a file of version 0.1 to a new file for this version, and end"
    parser = commands.add_parser("upgrade", help=text, description=text.capitalize() + ".")
    parser.set_defaults(run=run_upgrade)
    parser.add_argument("old", metavar="OLD", help="the file of version 0.1, which stays as it is")
    parser.add_argument("new", metavar="NEW", help="the new file, which must not be there yet")


def run_export(options: argparse.Namespace) -> int:
    """Write the tables of `--database` to the folder `--export`; raises CannotStart."""
    if options.database is None:
        raise CannotStart("--export needs --database, the file to export from")
    mark, rules = Mark(options.mark), rules_of(options.rules)
    check_mark(mark, rules)

    def prices(reader: sqlite3.Connection, market: Market) -> Price:
        """As an exchange with these options would mark the stocks."""
        history = History(0, bands=rules if mark is Mark.BAND else NO_RULES)
        if mark is Mark.BAND:
            history.restore(load_pasts(reader, market))
        exchange = Exchange(rules=rules)
        exchange.restore(market.books, market.latest)
        return Marks(exchange, history, mark).of

    with _refused_in_a_sentence(options.export):
        written = export(options.database, options.export, prices)
    print("Wrote", *written)
    return 0


def run_backup(options: argparse.Namespace) -> int:
    """Copy the market `file` to the new file `copy`; raises CannotStart."""
    with _refused_in_a_sentence(options.copy):
        written = back_up(options.file, options.copy)
    print("Wrote", written)
    return 0


def run_upgrade(options: argparse.Namespace) -> int:
    """Write the market of the file `old` to the new file `new`; raises CannotStart."""
    with _refused_in_a_sentence(options.new):
        written = upgrade(options.old, options.new)
    print("Wrote", written)
    return 0


@contextmanager
def _refused_in_a_sentence(target: str) -> Iterator[None]:
    """Raise CannotStart for a market that cannot be read and for a target that cannot be written,
    and after an interrupt too: status 0 would say that all was written.
    """
    try:
        yield
    except Unusable as fault:
        raise CannotStart(str(fault)) from None
    except OSError as fault:
        raise CannotStart(f"Cannot write to {target}: {fault.strerror}") from None
    except KeyboardInterrupt:
        raise CannotStart("Interrupted before all was written") from None


def add_bots(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand; its arguments, options too, are left to the parser of the bots."""
    text = "run bots against an exchange; without a name, list them"
    parser = commands.add_parser("bots", help=text, add_help=False, prefix_chars=NO_PREFIX)
    parser.set_defaults(run=run_bots_command)
    parser.add_argument("arguments", nargs="*")


def add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand; its arguments, options too, are left to a parser of its own."""
    text = "run a program in private markets, and say how it did"
    parser = commands.add_parser("run", help=text, add_help=False, prefix_chars=NO_PREFIX)
    parser.set_defaults(run=run_run_command)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)


def add_class(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand; its arguments, options too, are left to a parser of its own."""
    text = "make a class, start it, and lead it through its rounds"
    parser = commands.add_parser("class", help=text, add_help=False, prefix_chars=NO_PREFIX)
    parser.set_defaults(run=run_class_command)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)


def run_class_command(options: argparse.Namespace) -> int:
    """Do what `arguments` ask for, with the options that stand there; raises CannotStart."""
    from disorderbook.cli.class_command import run_class

    return run_class(options.arguments)


def run_run_command(options: argparse.Namespace) -> int:
    """Run the program that `arguments` name, with the options that stand there."""
    from disorderbook.cli.run_command import run_programs

    return run_programs(options.arguments)


def run_bots_command(options: argparse.Namespace) -> int:
    """Run the bots that `arguments` name, with the options that stand there."""
    from disorderbook.runner.command import run_bots

    return run_bots(options.arguments, PROGRAM)
