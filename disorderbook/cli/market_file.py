"""What the command line does with the file of a market: `--export` and the subcommand `backup`."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from disorderbook.assembly import CannotStart
from disorderbook.ledger.export import back_up, export
from disorderbook.ledger.lock import Unusable


def add_backup(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "copy a market, also one that an exchange is using, and end"
    parser = commands.add_parser("backup", help=text, description=text.capitalize() + ".")
    parser.set_defaults(run=run_backup)
    parser.add_argument("file", metavar="FILE", help="the file of the market")
    parser.add_argument("copy", metavar="COPY", help="the new file, which must not be there yet")


def run_export(options: argparse.Namespace) -> int:
    """Write the tables of `--database` to the folder `--export`; raises CannotStart."""
    if options.database is None:
        raise CannotStart("--export needs --database, the file to export from")
    with _refused_in_a_sentence(options.export):
        print("Wrote", *export(options.database, options.export))
    return 0


def run_backup(options: argparse.Namespace) -> int:
    """Copy the market `file` to the new file `copy`; raises CannotStart."""
    with _refused_in_a_sentence(options.copy):
        print("Wrote", back_up(options.file, options.copy))
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
