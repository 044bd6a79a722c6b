"""`disorderbook relay`: the tape's websockets, fed from a NATS server instead of an exchange.

The rule: whatever stands in the way of a start is one sentence; NATS that is not there is nothing
of the kind, and the relay waits for it.
"""

import argparse
import contextlib
import logging
import signal
import threading
from collections.abc import Callable

from disorderbook.assembly import CannotStart, cannot_listen, listener_limits
from disorderbook.cli.start import accounts_of, on_signals
from disorderbook.cli.values import MOST_LISTENERS, between, host
from disorderbook.process.forks import OwnStack
from disorderbook.process.log import LEVELS
from disorderbook.process.periodic import keep_collections_short
from disorderbook.process.sockets import allow_descriptors
from disorderbook.protocol.names import LARGEST_PORT
from disorderbook.server.origin import OriginPolicy
from disorderbook.tape.limits import MAX_LISTENERS
from disorderbook.tape.subscriptions import PORT

COUNTS_SECONDS = 60.0  # between two lines in the log
DEFAULT = " (default: %(default)s)"

log = logging.getLogger(__name__)


def add_relay(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    text = "serve the tape's websockets from what exchanges --publish to a NATS server"
    parser = commands.add_parser("relay", help=text, description=f"{text.capitalize()}.")
    parser.set_defaults(run=run_relay)
    add: Callable[..., object] = parser.add_argument
    add("nats_url", metavar="URL", help="the NATS server, such as nats://127.0.0.1:4222")
    add(
        "-p",
        "--port",
        type=between(0, LARGEST_PORT),
        default=PORT,
        help="port of the websockets; 0 picks a free one" + DEFAULT,
    )
    add(
        "-a",
        "--accounts",
        metavar="FILE",
        default=None,
        help="JSON file of account names and API keys; without it anybody may hear executions",
    )
    add(
        "--maxlisteners",
        type=between(1, MOST_LISTENERS),
        default=MAX_LISTENERS,
        help="most listeners at a time" + DEFAULT,
    )
    add(
        "--allowed-host",
        type=host,
        action="append",
        dest="allowed_hosts",
        metavar="NAME",
        default=[],
        help="a host name, besides localhost, by which clients may call this relay; can be given "
        "several times",
    )
    add("--credentials", metavar="FILE", default=None, help="the credentials for NATS")
    add("--ca", metavar="FILE", default=None, help="who vouches for the NATS server (PEM)")
    add("--log-level", choices=LEVELS, default="warning", metavar="LEVEL", help="what to log")


def run_relay(options: argparse.Namespace) -> int:
    """Serve until a signal ends it; returns the exit status. Raises CannotStart."""
    with contextlib.suppress(KeyboardInterrupt):
        _serve(options)
    on_signals(signal.SIG_IGN)
    return 0


def _serve(options: argparse.Namespace) -> None:
    from disorderbook.nats.connection import check_access, nats_access
    from disorderbook.nats.relay import Relay

    try:
        access = nats_access(options.nats_url)._replace(
            credentials=options.credentials, ca=options.ca
        )
        check_access(access)
    except ValueError as fault:
        raise CannotStart(str(fault)) from None
    limits = listener_limits(allow_descriptors(), options.maxlisteners)
    origins = OriginPolicy(options.allowed_hosts)
    with OwnStack() as own:
        accounts = own.enter_context(accounts_of(options.accounts))
        try:
            relay = own.enter_context(Relay(access, accounts, options.port, limits, origins))
        except OSError as fault:
            raise cannot_listen(options.port, fault) from None
        over = threading.Event()
        on_signals(lambda *_: over.set())
        with contextlib.suppress(OSError):  # nobody reads stdout
            print(f"disorderBook relay on port {relay.port}", flush=True)
            print(f"It tells what exchanges publish at {access.url}, once they do.", flush=True)
        keep_collections_short()
        while not over.wait(COUNTS_SECONDS):
            log.info("%s", relay.counts())
