"""Starts an exchange from the command line: what the program does unless a subcommand is named."""

import argparse
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

import bottle

from disorderbook.accounts import Accounts, AccountsFile, check_admin_key, read_admin_key
from disorderbook.api.app import make_app
from disorderbook.assembly import (
    CannotStart,
    MarketSettings,
    assemble,
    cannot_listen,
    first_book,
    make_server,
    opened_replay,
    publish_access,
    running_tape,
)
from disorderbook.cli.ports_file import ports_file
from disorderbook.cli.welcome import greet
from disorderbook.control.latency import LatencySettings
from disorderbook.control.replay import ReplaySettings, ReplayStatus
from disorderbook.game.master import GameSettings
from disorderbook.marketdata.mark import Mark
from disorderbook.process.forks import OwnStack, closed_in_child
from disorderbook.process.periodic import keep_collections_short
from disorderbook.process.sockets import allow_descriptors
from disorderbook.rules.file import UnusableRules, read_rules
from disorderbook.rules.market import NO_RULES, RuleBook
from disorderbook.server.origin import OriginPolicy
from disorderbook.server.server import InlineServer

END_PATIENCE = 2.0  # seconds that a server has to end in


def run_exchange(options: argparse.Namespace) -> int:
    """Run an exchange with the options of `make_parser` until a signal ends it; returns the exit
    status. Raises CannotStart. After it the process ignores both signals: all is closed and saved,
    and Python, which gives back its handlers at its end, would let another Ctrl-C kill it.
    """
    on_signals(_interrupt)
    with contextlib.suppress(KeyboardInterrupt):
        _serve(options)
    on_signals(signal.SIG_IGN)
    return 0


def _interrupt(number: int, frame: object) -> NoReturn:
    """Interrupt the server, and end the process soon if the server swallows that."""
    last_resort = threading.Timer(END_PATIENCE, os._exit, (0,))
    last_resort.daemon = True
    last_resort.start()
    raise KeyboardInterrupt


def _serve(options: argparse.Namespace) -> None:
    settings = _settings(options)
    server = _server(options, settings)
    with OwnStack() as own:
        own.enter_context(closed_in_child(server.port))
        accounts = own.enter_context(accounts_of(options.accounts))
        _check_admin_key(options, accounts, settings.admin_key)
        write_ports = own.enter_context(ports_file(options.ports_file))
        tape = None
        if options.websockets:
            tape = own.enter_context(
                running_tape(
                    accounts,
                    options.wsport,
                    allow_descriptors(),
                    settings.origins,
                    options.maxlisteners,
                )
            )
        if options.replay is not None:
            replay = own.enter_context(_replay(options))
            settings = settings._replace(replay=replay)
        services = own.enter_context(assemble(settings, accounts, tape, server))
        book = first_book(services.exchange, settings)
        options.venue, options.symbol = book.venue, book.symbol
        write_ports(server.port, tape.port if tape else None)
        with contextlib.suppress(OSError):  # nobody reads stdout
            greet(server.port, options, services)
        keep_collections_short()
        _stop_on_signals(server)
        try:
            bottle.run(make_app(services), server=server, quiet=True)
        except Exception as fault:
            raise CannotStart(f"The server {options.server} does not run: {fault}") from fault


def _replay(options: argparse.Namespace) -> contextlib.AbstractContextManager[ReplaySettings]:
    """What is given again, whose end is told on stdout; raises CannotStart."""

    def tell(status: ReplayStatus) -> None:
        with contextlib.suppress(OSError):  # nobody reads stdout
            print(
                f"Replayed {status.orders:,} orders and {status.cancels:,} cancels of "
                f"{options.replay}: {status.refused:,} were refused, and {status.differing:,} "
                "went otherwise than in the original.",
                flush=True,
            )

    return opened_replay(options.replay, options.replay_as, options.database, tell)


def _server(options: argparse.Namespace, settings: MarketSettings) -> bottle.ServerAdapter:
    try:
        return make_server(options.server, options.port, settings.origins)
    except OSError as fault:
        raise cannot_listen(options.port, fault) from None


def _stop_on_signals(server: bottle.ServerAdapter) -> None:
    """Let our own server finish the requests under way; waitress is interrupted."""
    if isinstance(server, InlineServer):
        on_signals(lambda *_: server.stop())


def on_signals(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    """Have Ctrl-C and SIGTERM do that from now on."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _settings(options: argparse.Namespace) -> MarketSettings:
    for option, given in (("sync", options.sync), ("drop-damaged-log", options.drop_damaged_log)):
        if given and options.database is None:
            raise CannotStart(f"--{option} needs --database, the file of the market")
    if options.speed is not None and options.clock.is_stepped:
        raise CannotStart("--speed and --clock contradict each other: name one of them")
    return MarketSettings(
        options.venue,
        options.symbol,
        options.maxbooks,
        options.extra,
        options.database,
        options.sync,
        OriginPolicy(options.allowed_hosts),
        options.drop_damaged_log,
        options.accounts is not None,
        GameSettings(options.day_seconds, options.seed, options.maxinstances, options.shard),
        options.opponents,
        options.speed or options.clock,
        has_control=options.control,
        latency=LatencySettings(options.latency, options.tape_latency),
        admin_key=_admin_key(options),
        rules=rules_of(options.rules),
        mark=Mark(options.mark),
        publish=publish_access(
            options.publish,
            options.publish_executions,
            options.publish_credentials,
            options.publish_ca,
        ),
        publish_executions=options.publish_executions,
    )


def rules_of(path: str | None) -> RuleBook:
    """Those of --rules; raises CannotStart."""
    if path is None:
        return NO_RULES
    try:
        return read_rules(path)
    except OSError as fault:
        raise CannotStart(f"Cannot read the rules file {path}: {fault.strerror}") from None
    except UnusableRules as fault:
        raise CannotStart(f"The rules file {path} {fault}") from None


def _admin_key(options: argparse.Namespace) -> str | None:
    """The key of --admin-key-file; raises CannotStart if it cannot be used, or must be given."""
    path = options.admin_key_file
    if path is None:
        if options.accounts is not None and (options.control or options.clock.is_stepped):
            raise CannotStart(
                "With --accounts, --control and a --clock to be moved need --admin-key-file: else"
                " anybody could use them"
            )
        return None
    try:
        return read_admin_key(path)
    except OSError as fault:
        raise CannotStart(f"Cannot read the admin's key file {path}: {fault.strerror}") from None
    except ValueError as fault:
        raise CannotStart(f"The admin's key file {fault}") from None


def _check_admin_key(options: argparse.Namespace, accounts: Accounts, key: str | None) -> None:
    """Raise CannotStart if the admin's key is that of an account, too."""
    if key is None:
        return
    try:
        check_admin_key(options.admin_key_file, key, accounts)
    except ValueError as fault:
        raise CannotStart(f"The admin's key file {fault}") from None


@contextlib.contextmanager
def accounts_of(path: str | None) -> Iterator[Accounts]:
    """The accounts of a file, which is read again when it changes; without one, no keys are needed.

    Raises CannotStart.
    """
    if path is None:
        yield Accounts()
        return
    try:
        file = AccountsFile(path)
    except OSError as fault:
        raise CannotStart(f"Cannot read the accounts file {path}: {fault.strerror}") from None
    except ValueError as fault:
        raise CannotStart(f"The accounts file {fault}") from None
    with file as accounts:
        yield accounts
