"""An exchange that is put together as the command line does it, and a story that has each of its
parts come to have some state.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from object_graph import description
from wsgi import BUY, ORDERS, Client

from disorderbook.accounts import Accounts
from disorderbook.api.app import make_app
from disorderbook.assembly import MarketSettings, assemble, running_tape
from disorderbook.game.master import GameSettings
from disorderbook.protocol.names import NANOSECONDS
from disorderbook.timeline.clock import clock_settings
from disorderbook.timeline.opponents import opponents_of

STOCK = "/ob/api/venues/TESTEX/stocks/FOOBAR"
V1 = "/api/v1/venues/TESTEX"
THREE = "market-maker,taker,noise:3"

# What may be otherwise after a reset, and why.
MAY_DIFFER = {
    ".services.accounts.version": "it only grows: listeners are looked at again when it does",
    ".services.journal.resets": "it only grows: whoever follows the journal begins anew then",
    ".services.metrics": "counts since the process began, which Prometheus wants to grow",
    ".tally": "the same",
    "._server": "the tape's sockets and its thread, and what they count",
    "._waker": "the same",
    "tape_port": "every exchange has another",
    "].port": "the same",
    "_tape.port": "the same",
    "_tape._version": "that of the accounts, as the tape has seen it last",
    ".app._other": "the same",
}


class Assembled(Client):
    """Talks to an exchange that was put together as the command line does it, without a socket."""

    def __init__(self, services: Any) -> None:
        self.services = services
        self.app = make_app(services)

    def advance(self, seconds: float) -> None:
        with self.services.exchange.transaction():
            self.services.timeline.advance(round(seconds * NANOSECONDS))

    def reset(self, *names: str) -> None:
        assert self.services.control is not None
        with self.services.exchange.transaction():
            self.services.control.reset(*names)


@contextmanager
def assembled(clock: str = "stepped", database: Path | None = None) -> Iterator[Assembled]:
    settings = MarketSettings(
        extra=True,
        database=None if database is None else str(database),
        game=GameSettings(1.0, 7),
        opponents=opponents_of(THREE),
        clock=clock_settings(clock),
        has_journal=True,
        has_control=True,
    )
    accounts = Accounts()
    with (
        running_tape(accounts, 0, 200, settings.origins, 50) as tape,
        assemble(settings, accounts, tape) as services,
    ):
        yield Assembled(services)


@contextmanager
def controlled() -> Iterator[Assembled]:
    """One in memory, of which control is all that was asked for."""
    with assemble(MarketSettings(has_control=True), Accounts()) as services:
        yield Assembled(services)


def story(ask: Client) -> list[tuple[int, bytes]]:
    """Every part of a market comes to have some state; what was answered."""
    sell = {"account": "BOB", "direction": "sell"}
    place, history = f"{V1}/stocks/FOOBAR", f"{V1}/accounts/ANN"
    asked: list[tuple[str, str, object, dict[str, str]]] = [
        ("POST", "/api/v1/clock", {"advance": 3}, {}),
        ("POST", ORDERS, BUY, {"Idempotency-Key": "one"}),
        ("POST", ORDERS, BUY, {"Idempotency-Key": "one"}),
        ("POST", ORDERS, BUY | sell | {"price": 4000}, {"Idempotency-Key": "two"}),
        ("POST", ORDERS, BUY | {"price": 1}, {}),
        ("POST", ORDERS, BUY | {"orderType": "hold"}, {}),
        ("DELETE", f"{ORDERS}/3", b"", {}),
        ("POST", ORDERS.replace("FOOBAR", "OTHER"), BUY | {"price": 7}, {}),
        ("POST", ORDERS.replace("TESTEX", "SECOND"), BUY | {"price": 8}, {}),
        ("POST", "/gm/levels/first_steps", b"", {}),
        ("POST", "/api/v1/clock", {"advance": 2}, {}),
        ("GET", STOCK, b"", {}),
        ("GET", f"{place}/scores", b"", {}),
        ("GET", f"{place}/trades", b"", {}),
        ("GET", f"{place}/candles", b"", {}),
        ("GET", history, b"", {}),
        ("GET", f"{history}/fills", b"", {}),
        ("GET", f"{history}/orders", b"", {}),
        ("GET", f"{STOCK}/scores", b"", {}),
        ("GET", "/api/v1/server", b"", {}),
        ("GET", "/api/v1/clock", b"", {}),
        ("GET", "/gm/levels", b"", {}),
    ]
    answers = [ask(method, path, body, headers) for method, path, body, headers in asked]
    port = re.compile(rb'"tapePort":\d+')  # every exchange has another
    return [(answer.status, port.sub(b"", answer.body)) for answer in answers]


def look(client: Assembled) -> dict[str, str]:
    """All that can be reached from an exchange, but for what may differ."""
    found = description(client)
    return {
        path: value for path, value in found.items() if not any(name in path for name in MAY_DIFFER)
    }
