"""`disorderbook admin`: one action of the admin on a running exchange.

The rule: one line in any case, but for `status`. On stdout what was done, on stderr the sentence
why it was not.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from disorderbook.accounts import read_admin_key
from disorderbook.assembly import CannotStart
from disorderbook.cli.values import between
from disorderbook.protocol.names import MAX_PRICE

NOT_DONE = 1  # exit status
URL = "http://127.0.0.1:8000"
KEY_FILE, KEY_FILE_VARIABLE = "admin.key", "DISORDERBOOK_ADMIN_KEY_FILE"
MOST_SECONDS = 86400

Told = Mapping[str, Any]


class Action(NamedTuple):
    """An action of the command line: what it takes, and what it says when it is done. `done` may
    use the fields and what the exchange has answered.
    """

    name: str
    help: str
    arguments: tuple[tuple[str, dict[str, Any]], ...]
    done: str


def _stock(is_optional: bool = True) -> tuple[tuple[str, dict[str, Any]], ...]:
    if not is_optional:
        return _VENUE, ("symbol", {"metavar": "SYMBOL", "help": "the stock"})
    what = {"metavar": "SYMBOL", "nargs": "?", "help": "the stock; without it all of the venue"}
    return _VENUE, ("symbol", what)


_VENUE: tuple[str, dict[str, Any]] = ("venue", {"metavar": "VENUE", "help": "the venue"})
_ACCOUNT: tuple[str, dict[str, Any]] = ("account", {"metavar": "ACCOUNT", "help": "the account"})
_WHOLE = {"type": between(0, MAX_PRICE), "metavar": "CENTS"}

ACTIONS = (
    Action("status", "say what is in force, who has an account and what was done", (), ""),
    Action(
        "open",
        "open a stock",
        (
            *_stock(is_optional=False),
            ("--halted", {"action": "store_true", "help": "have it take no orders until resume"}),
        ),
        "{stock} is open",
    ),
    Action(
        "halt",
        "have a stock, or all of a venue, take no orders",
        (*_stock(), ("--reason", {"metavar": "TEXT", "help": "what whoever sends one is told"})),
        "{stock}: halted",
    ),
    Action("resume", "have orders taken again", _stock(), "{stock}: orders are taken"),
    Action(
        "settle",
        "close a stock, or all of a venue, for good at a price",
        (
            *_stock(),
            (
                "--price",
                _WHOLE | {"help": "cents a share; without it what a share counts in the scores"},
            ),
        ),
        "{stock}: settled",
    ),
    Action(
        "reset",
        "begin a book anew: its orders, trades and positions are gone",
        _stock(is_optional=False),
        "{stock} begins anew",
    ),
    Action(
        "cancel",
        "cancel the open orders of an account",
        (
            _ACCOUNT,
            ("venue", {"metavar": "VENUE", "nargs": "?", "help": "only those at this venue"}),
            ("symbol", {"metavar": "SYMBOL", "nargs": "?", "help": "only those in this stock"}),
        ),
        "{cancelled} orders of {account} cancelled",
    ),
    Action(
        "expel",
        "take an account's key away, close its websockets and cancel its orders",
        (_ACCOUNT,),
        "{account} is expelled, {cancelled} orders cancelled",
    ),
    Action("add", "add an account, and print its key", (_ACCOUNT,), "{account} has the key {key}"),
    Action(
        "rekey",
        "give an account a new key, and print it",
        (_ACCOUNT,),
        "{account} has the key {key}",
    ),
    Action(
        "announce",
        "tell everybody something on all pages",
        (("text", {"metavar": "TEXT", "help": 'what; "" takes it away'}),),
        "Announced: {text}",
    ),
    Action(
        "countdown",
        "count down on all pages",
        (
            (
                "seconds",
                {
                    "type": between(0, MOST_SECONDS),
                    "metavar": "SECONDS",
                    "help": f"how long, up to {MOST_SECONDS}; 0 ends it",
                },
            ),
            ("text", {"metavar": "TEXT", "nargs": "?", "help": "what for"}),
        ),
        "{seconds} seconds are counted down",
    ),
    Action(
        "freeze",
        "show everybody else the scores of a venue as they are now",
        (_VENUE,),
        "The scores of {venue} are frozen",
    ),
    Action("reveal", "show the scores again", (_VENUE,), "The scores of {venue} are shown"),
)


def add_admin(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand, with a parser for each action."""
    text = "halt, settle, expel and so on in a running exchange, with the admin's key"
    parser = commands.add_parser(
        "admin",
        help=text,
        description=f"H{text[1:]}.",
        epilog=f"Exit status: 0: it is done; {NOT_DONE}: refused, or no answer; 2: a wrong option "
        "or no key.",
    )
    parser.set_defaults(run=run_admin)
    parser.add_argument("--url", default=URL, help="where the exchange is (default: %(default)s)")
    parser.add_argument(
        "--key-file",
        metavar="FILE",
        help="the file whose one line is the admin's key (default: what the environment's "
        f"{KEY_FILE_VARIABLE} names, or {KEY_FILE} in this folder)",
    )
    parser.add_argument(
        "--ca",
        metavar="FILE",
        help="the certificate (PEM) to trust, such as a self-signed one of nginx",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action in ACTIONS:
        added = actions.add_parser(
            action.name, help=action.help, description=f"{action.help[0].upper()}{action.help[1:]}."
        )
        for name, options in action.arguments:
            added.add_argument(name, **options)


def run_admin(options: argparse.Namespace) -> int:
    """Do the action of the options; returns the exit status. Raises CannotStart for no key and no
    address of an exchange.
    """
    from disorderbook.client.admin import AdminClient
    from disorderbook.client.results import MarketError

    [action] = [each for each in ACTIONS if each.name == options.action]
    fields = _fields(options, action)
    try:
        client = AdminClient(options.url, _key(options), verify=options.ca or True)
    except ValueError as fault:
        raise CannotStart(str(fault)) from None
    try:
        with client:
            if action.name == "status":
                lines = list(_lines(client.status()))
            else:
                told = client.do(action.name, **fields)
                said = {**fields, **told, "stock": _stock_of(fields)}
                lines = [action.done.format(**said)]
    except MarketError as refusal:
        detail = getattr(refusal, "detail", None)
        print(f"disorderBook: {refusal}{f' ({detail})' if detail else ''}", file=sys.stderr)
        return NOT_DONE
    print(*lines, sep="\n", flush=True)
    return 0


def _fields(options: argparse.Namespace, action: Action) -> dict[str, Any]:
    """What is sent, without what was not said."""
    names = [name.removeprefix("--") for name, _ in action.arguments]
    fields = {name: getattr(options, name) for name in names}
    return {
        name: value for name, value in fields.items() if value is not None and value is not False
    }


def _key(options: argparse.Namespace) -> str:
    """Raises CannotStart."""
    path = options.key_file or os.environ.get(KEY_FILE_VARIABLE) or KEY_FILE
    try:
        return read_admin_key(path)
    except OSError as fault:
        raise CannotStart(
            f"Cannot read the admin's key file {path}: {fault.strerror} (--key-file names another)"
        ) from None
    except ValueError as fault:
        raise CannotStart(f"The admin's key file {fault}") from None


def _stock_of(fields: Told) -> str:
    venue, symbol = fields.get("venue"), fields.get("symbol")
    return f"All of {venue}" if symbol is None else f"{symbol} at {venue}"


def _lines(status: Told) -> Iterator[str]:
    """What `status` prints."""
    for halt in status["halts"]:
        yield f"halted: {halt['symbol']} at {halt['venue']}: {halt['reason']}"
    for settled in status["settlements"]:
        yield f"settled: {settled['symbol']} at {settled['venue']}: {settled['price']} cents"
    for venue in status["frozen"]:
        yield f"frozen: the scores of {venue}"
    if "announcement" in status:
        yield f"announced: {status['announcement']['text']}"
    if "countdown" in status:
        countdown = status["countdown"]
        yield f"countdown: {countdown['seconds']:.0f} s {countdown['text']}".rstrip()
    if "accounts" in status:
        yield f"{len(status['accounts'])} accounts: {', '.join(status['accounts'])}"
    for done in status["actions"]:
        said = [done[name] for name in ("venue", "symbol", "account", "detail") if name in done]
        yield f"{done['ts'][:19]}Z {': '.join([done['action'], *said])}"
