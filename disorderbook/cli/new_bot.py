"""`disorderbook new-bot`: writes a program to begin with, which trades as it is.

The rule: the program runs as it is under `disorderbook run`, and against an exchange that was
started by hand. A file that is there is never replaced.
"""

import argparse
import shlex
from pathlib import Path
from string import Template

from disorderbook.assembly import CannotStart
from disorderbook.game.levels import LEVELS
from disorderbook.process.invocation import command

_PLAIN = Template('''\
"""A bot to begin with. Try it with:  disorderbook run $name --days 20 --seed 7"""

import os
import signal
import time

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a word

from disorderbook import Market
from disorderbook.client import Refused

# `disorderbook run` sets these. Without it, trade at an exchange that was started by hand.
os.environ.setdefault("DISORDERBOOK_VENUE", "TESTEX")
os.environ.setdefault("DISORDERBOOK_SYMBOL", "FOOBAR")
os.environ.setdefault("DISORDERBOOK_ACCOUNT", "MYBOT")
''')

_LEVEL = Template('''\
"""A bot to begin with. Try it with:  disorderbook run $name --level $level --days 20 --seed 7"""

import os
import signal
import time

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a word

import requests

from disorderbook import Market
from disorderbook.client import Refused

# `disorderbook run` sets these. Without it, start the level at an exchange that is running here.
if "DISORDERBOOK_VENUE" not in os.environ:
    level = requests.post("http://127.0.0.1:8000/gm/levels/$level", timeout=30).json()
    assert level["ok"], level["error"]
    os.environ["DISORDERBOOK_VENUE"] = level["venues"][0]
    os.environ["DISORDERBOOK_SYMBOL"] = level["tickers"][0]
    os.environ["DISORDERBOOK_ACCOUNT"] = level["account"]
''')

_TRADING = """\

SPREAD, SIZE, MOST = 20, 20, 200  # cents to each side; shares of an order; shares long or short

with Market.from_environment() as market:
    shares, orders = 0, []
    while True:
        time.sleep(1)  # on the exchange's clock: `disorderbook run` does not wait
        for order in map(market.cancel, orders):
            shares += order.total_filled if order.direction == "buy" else -order.total_filled
        orders, last = [], market.quote().last
        if last is None:
            continue  # nothing has been traded yet
        try:
            if shares < MOST:
                orders.append(market.buy(last - SPREAD, SIZE))
            if shares > -MOST:
                orders.append(market.sell(last + SPREAD, SIZE))
        except Refused as refusal:
            print(refusal, refusal.detail or "")
"""


def write_new_bot(options: argparse.Namespace) -> int:
    """Write the program `file`, for `level` if there is one; raises CannotStart."""
    path = Path(options.file)
    values = {"name": path.name, "level": options.level}
    head = (_LEVEL if options.level else _PLAIN).substitute(values)
    try:
        with path.open("x", encoding="utf-8") as opened:
            opened.write(head + _TRADING)
    except FileExistsError:
        raise CannotStart(f"{path} is there already, and a new bot replaces nothing") from None
    except (OSError, ValueError) as fault:
        raise CannotStart(f"Cannot write {path}: {getattr(fault, 'strerror', fault)}") from None
    level = f" --level {options.level}" if options.level else ""
    again = f"{command()} run {shlex.quote(str(path))}{level}"
    print(f"Wrote {path}; try it with: {again} --days 20 --seed 7")
    return 0


def add_new_bot(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    text = "write a bot to begin with, which trades as it is, and end"
    parser = commands.add_parser("new-bot", help=text, description=text.capitalize() + ".")
    parser.set_defaults(run=write_new_bot)
    parser.add_argument("file", metavar="FILE", help="the new file, which must not be there yet")
    parser.add_argument(
        "--level",
        choices=LEVELS,
        metavar="NAME",
        help=f"a bot that plays this level: {', '.join(LEVELS)}",
    )
