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

from disorderbook.assembly import cannot_listen, listener_limits, nats_access_of
from disorderbook.cli.shared_options import (
    add_accounts,
    add_allowed_hosts,
    add_listeners,
    add_log_level,
    add_nats_files,
    add_port,
)
from disorderbook.cli.start import accounts_of, on_signals
from disorderbook.process.forks import OwnStack
from disorderbook.process.periodic import keep_collections_short
from disorderbook.process.sockets import allow_descriptors
from disorderbook.server.origin import OriginPolicy
from disorderbook.tape.subscriptions import PORT

COUNTS_SECONDS = 60.0  # between two lines in the log

log = logging.getLogger(__name__)


def add_relay(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    text = "serve the tape's websockets from what exchanges --publish to a NATS server"
    parser = commands.add_parser("relay", help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(run=run_relay)
    add: Callable[..., object] = parser.add_argument
    servers = "the NATS server, such as nats://127.0.0.1:4222, or a cluster, nats://A:PORT,B:PORT"
    add("nats_url", metavar="URL", help=servers)
    add_port(add, PORT, "port of the websockets", "-p", "--port")
    add_accounts(add, "without it anybody may hear executions")
    add_listeners(add)
    add_allowed_hosts(add, "relay")
    add_nats_files(add)
    add_log_level(add)


def run_relay(options: argparse.Namespace) -> int:
    """Serve until a signal ends it; returns the exit status. Raises CannotStart."""
    with contextlib.suppress(KeyboardInterrupt):
        _serve(options)
    on_signals(signal.SIG_IGN)
    return 0


def _serve(options: argparse.Namespace) -> None:
    from disorderbook.nats.relay import Relay

    access = nats_access_of(options.nats_url, options.credentials, options.ca)
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
            print(
                f"disorderBook relay on port {relay.port}\n"
                f"It tells what exchanges publish at {access.url}, once they do.\n",
                end="",
                flush=True,
            )  # in one piece: what the relay logs meanwhile may go to the same place
        keep_collections_short()
        while not over.wait(COUNTS_SECONDS):
            counts = relay.counts()._asdict()
            log.info("%s", ", ".join(f"{name} {count}" for name, count in counts.items()))
