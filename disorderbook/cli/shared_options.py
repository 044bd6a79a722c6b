"""The options that an exchange and a relay have both: each is described here, and nowhere else."""

from collections.abc import Callable

from disorderbook.cli.values import MOST_LISTENERS, between, host
from disorderbook.process.log import LEVELS
from disorderbook.protocol.names import LARGEST_PORT
from disorderbook.tape.limits import MAX_LISTENERS

DEFAULT = " (default: %(default)s)"

Add = Callable[..., object]
"""A parser's `add_argument`."""


def add_port(add: Add, default: int, purpose: str, *names: str) -> None:
    """Where it listens."""
    add(
        *names,
        type=between(0, LARGEST_PORT),
        default=default,
        help=f"{purpose}; 0 picks a free one{DEFAULT}",
    )


def add_accounts(add: Add, effect: str) -> None:
    """Whose keys are asked for."""
    add(
        "-a",
        "--accounts",
        metavar="FILE",
        default=None,
        help=f"JSON file of account names and API keys; {effect}",
    )


def add_listeners(add: Add) -> None:
    """How many there may be."""
    add(
        "--maxlisteners",
        type=between(1, MOST_LISTENERS),
        default=MAX_LISTENERS,
        help="most listeners to websockets at a time" + DEFAULT,
    )


def add_allowed_hosts(add: Add, what: str) -> None:
    """By which names it may be called."""
    add(
        "--allowed-host",
        type=host,
        action="append",
        dest="allowed_hosts",
        metavar="NAME",
        default=[],
        help=f"a host name, besides localhost, by which clients may call this {what}; can be given"
        " several times",
    )


def add_nats_files(add: Add, prefix: str = "") -> None:
    """Who we are at a NATS server, and how that proves itself."""
    add(
        f"--{prefix}credentials",
        metavar="FILE",
        default=None,
        help="the file of a NATS user's credentials (.creds)",
    )
    add(
        f"--{prefix}ca",
        metavar="FILE",
        default=None,
        help="the certificate (PEM) that proves the NATS server, whose connection must be TLS then",
    )


def add_log_level(add: Add) -> None:
    """What is logged."""
    add(
        "--log-level",
        choices=LEVELS,
        default="warning",
        metavar="LEVEL",
        help="what to log, to stderr: debug (each request), info, warning or error" + DEFAULT,
    )
