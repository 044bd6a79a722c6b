"""The subcommand `replay`: an exchange whose market is given again what was recorded.

Its options are those of an exchange, before or behind the subcommand, but for those that are about
a market that is there already.
"""

import argparse
from collections.abc import Callable
from typing import Any

from disorderbook.assembly import CannotStart
from disorderbook.cli.start import run_exchange
from disorderbook.cli.values import sensible
from disorderbook.control.replay import place_of

Add = Callable[..., object]

DEFAULT = "%(default)s"  # how a help text names it
ABOUT_AN_OLD_MARKET = ("--export", "--drop-damaged-log")


def add_replay(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    add_exchange_options: Callable[[Add], None],
) -> None:
    """Add the subcommand; the function calls `add_argument` for each option of an exchange."""
    text = "run an exchange that gives the orders and cancels of a market again"
    parser = commands.add_parser("replay", help=text, description=text.capitalize() + ".")
    parser.set_defaults(run=run_replay)
    parser.add_argument(
        "replay",
        metavar="FILE",
        help="the file of a market, which stays as it is, or the folder of its --export",
    )
    parser.add_argument(
        "--as",
        dest="replay_as",
        type=sensible(place_of),
        metavar="VENUE/STOCK",
        default=None,
        help="where to trade what FILE has, if that is a single book",
    )

    def add(*names: str, **settings: Any) -> object:
        if names[0] in ABOUT_AN_OLD_MARKET:
            return None
        # What was not given behind the subcommand stays as it was given, or not, before it.
        help_text = settings["help"].replace(DEFAULT, str(settings.get("default")))
        return parser.add_argument(
            *names, **{**settings, "help": help_text, "default": argparse.SUPPRESS}
        )

    add_exchange_options(add)


def run_replay(options: argparse.Namespace) -> int:
    """Run the exchange; raises CannotStart."""
    given = options.export is not None, options.drop_damaged_log
    for name, is_given in zip(ABOUT_AN_OLD_MARKET, given, strict=True):
        if is_given:
            raise CannotStart(f"{name} needs a market that is there; a replay begins a new one")
    return run_exchange(options)
