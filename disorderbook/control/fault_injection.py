"""Fault injection: what an exchange does worse than it could, since somebody asked for it.

Faults and latencies of requests go through the server, which asks how to treat each request only
while there are such. So what is off costs nothing. Those of the tape are the tape's.

A latency is time on the exchange's clock. An order is held for it before it is done. Under a clock
that moves only when it is told to, the order moves it by its latency instead: nobody else could,
for a client that waits for its answer.
"""

import random
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, cast

from disorderbook.control.faults import Fault, Faults
from disorderbook.control.journal import Answered, RequestJournal
from disorderbook.control.latency import (
    LATENCY_RULE,
    NONE,
    Distribution,
    LatencySettings,
    distribution,
)
from disorderbook.engine.book import OrderBook
from disorderbook.errors import IllegalValue, NeedsOwnServer, NoTape, Unavailable, WrongType
from disorderbook.exchange import Exchange
from disorderbook.protocol.names import NANOSECONDS, detail_of
from disorderbook.server.reader import HttpRequest
from disorderbook.server.response import HttpResponse
from disorderbook.server.treatment import Treat, Treatment
from disorderbook.timeline.clock import Clock
from disorderbook.timeline.timeline import Timeline

CLOSE_CODES = (*range(1000, 1004), *range(1007, 1015), *range(3000, 5000))
CODE_RULE = "1000 to 1003, 1007 to 1014, or 3000 to 4999"
_ORDERS = re.compile("/+ob/+api/+venues/+[^/]+/+stocks/+[^/]+/+orders(/.*)?")


class Server(Protocol):
    """What can treat requests otherwise than usual."""

    def treat_by(self, treat: Treat | None) -> None: ...


class ControllableTape(Protocol):
    """What can be asked of a tape, from any thread."""

    @property
    def is_held(self) -> bool:
        """Whether it sends nothing until `release`."""

    def hold(self) -> None: ...

    def release(self) -> None: ...

    def delay(self, draw: Callable[[], int] | None, clock: Clock) -> None:
        """Send each message so many nanoseconds after its event; None is at once."""

    def disconnect(self, account: str | None, venue: str | None, code: int | None) -> int: ...


class FaultInjection:
    """The faults and latencies of one exchange. `server` is None if it is not the exchange's own,
    and `tape` if there is none. `settings` are the latencies at the start and after a reset; they
    are drawn from the seed. The exchange's lock must be held for everything here but `treat`.
    """

    name = "faults and latencies"

    def __init__(
        self,
        exchange: Exchange,
        timeline: Timeline,
        faults: Faults,
        server: Server | None,
        tape: ControllableTape | None,
        settings: LatencySettings = LatencySettings(),
        seed: int | None = None,
        journal: RequestJournal | None = None,
    ) -> None:
        self.faults = faults
        self._exchange, self._timeline, self._clock = exchange, timeline, timeline.clock
        self._server, self._tape, self._journal = server, tape, journal
        self._at_start, self._seed = settings, seed
        self._is_treating = False
        self._set(settings)

    # ---- what the server asks

    def treat(self, request: HttpRequest) -> Treatment | None:
        """How a request is treated. The lock must not be held."""
        treatment, seconds = self.faults.strike(request), 0.0
        if treatment is not None:
            self._follow_up(request, treatment)
        if self.latency.orders is not NONE and _is_of_order(request):
            seconds = self._pass(self.latency.orders.drawn(self._chance))
        if treatment is None and not seconds:
            return None
        return (treatment or Treatment())._replace(delay=seconds)

    def _follow_up(self, request: HttpRequest, treatment: Treatment) -> None:
        """A fault has struck: have a request in the journal that nobody else sees. It may have been
        the last.
        """
        is_done = treatment.instead is None and not treatment.is_lost
        if self._journal is not None and not is_done:
            self._journal.observe(_unseen(request, treatment.instead))
        if not self.faults.may_strike:
            with self._exchange.lock:
                self._update()

    def _pass(self, latency: int) -> float:
        """Let a latency of so many nanoseconds pass; returns how many real seconds are left."""
        if not self._clock.is_stepped:
            return latency / NANOSECONDS / self._clock.speed
        with suppress(Unavailable), self._exchange.transaction():  # the order is refused, too
            self._timeline.advance_in_pace(latency)
        return 0.0

    # ---- what is asked for

    def reset(self, book: OrderBook | None) -> None:
        """Have no faults, and the latencies of the start, unless only a book begins anew."""
        if book is not None:
            return
        self.faults.reset(None)
        if self._tape is not None:
            self._tape.release()
        self._set(self._at_start)

    def save(self) -> object:
        """All of it, for a snapshot."""
        latency = self.latency
        chances = self._chance.getstate(), self._tape_chance.getstate()
        texts = latency.orders.text, latency.tape.text
        return self.faults.save(), texts, chances, self.is_tape_held

    def load(self, state: Any) -> None:
        """Have what `save` gave."""
        faults, texts, (of_orders, of_tape), is_held = state
        self.faults.load(faults)
        settings = LatencySettings(*map(distribution, texts))
        self._set(self._at_start if settings == self._at_start else settings)
        self._chance.setstate(of_orders)
        self._tape_chance.setstate(of_tape)
        if self._tape is not None:
            (self._tape.hold if is_held else self._tape.release)()

    def add(self, kind: str, **fields: object) -> Fault:
        """Have one more fault; raises as Faults.add does, and NeedsOwnServer."""
        self._require_server()
        return self._changed(self.faults.add(kind, **fields))

    def reject(self, count: int, **fields: object) -> Fault:
        """Refuse so many of the next orders; raises as Faults.reject does, and NeedsOwnServer."""
        self._require_server()
        return self._changed(self.faults.reject(count, **fields))

    def remove(self, fault_id: int) -> None:
        """Raises NoSuchFault."""
        self.faults.remove(fault_id)
        self._update()

    def clear(self) -> None:
        """Remove all faults."""
        self.faults.clear()
        self._update()

    def set_latency(self, orders: str | None = None, tape: str | None = None) -> None:
        """Have these latencies from now on, drawn from the seed anew; None leaves one as it is.
        Raises WrongType, IllegalValue, NeedsOwnServer, NoTape; then nothing has changed.
        """
        old = self.latency
        new = LatencySettings(
            old.orders if orders is None else _distribution("orders", orders),
            old.tape if tape is None else _distribution("tape", tape),
        )
        if orders is not None and new.orders is not NONE:
            self._require_server()
        if tape is not None and new.tape is not NONE:
            self._require_tape()
        self._set(new)

    @property
    def is_tape_held(self) -> bool | None:
        """Whether the tape sends nothing until it is released; None without one."""
        return None if self._tape is None else self._tape.is_held

    def hold_tape(self) -> None:
        """Have the tape send nothing until `release_tape`; raises NoTape."""
        self._require_tape().hold()

    def release_tape(self) -> None:
        """Have the tape send what it has kept, and go on; raises NoTape."""
        self._require_tape().release()

    def disconnect_tape(
        self, account: str | None = None, venue: str | None = None, code: int | None = None
    ) -> int:
        """End the connections of listeners, of an account's or a venue's alone if that is said:
        without a word, or with a close frame of that code. Returns how many there were. Raises
        NoTape, WrongType, IllegalValue.
        """
        for name, value in (("account", account), ("venue", venue)):
            if value is not None and not isinstance(value, str):
                raise WrongType(detail_of(name, value, "a string"))
        if code is not None and (isinstance(code, bool) or not isinstance(code, int)):
            raise WrongType(detail_of("code", code, CODE_RULE))
        if code is not None and code not in CLOSE_CODES:
            raise IllegalValue(detail_of("code", code, CODE_RULE))
        return self._require_tape().disconnect(account, venue, code)

    def _set(self, settings: LatencySettings) -> None:
        self.latency = settings
        self._chance = self._stream("orders", settings.orders)
        self._tape_chance = self._stream("tape", settings.tape)
        if self._tape is not None:
            of_tape, chance = settings.tape, self._tape_chance
            draw = None if of_tape is NONE else lambda: of_tape.drawn(chance)
            self._tape.delay(draw, self._clock)
        self._update()

    def _stream(self, name: str, drawn_from: Distribution) -> random.Random:
        """What the latencies are drawn from; nobody draws from that of none."""
        if self._seed is None and drawn_from is not NONE:
            return random.Random()
        return random.Random(f"{self._seed} latency of {name}")

    def _changed(self, fault: Fault) -> Fault:
        self._update()
        return fault

    def _update(self) -> None:
        """Have the server ask about requests, if anything may become of one."""
        is_needed = self.latency.orders is not NONE or self.faults.may_strike
        if self._server is not None and is_needed is not self._is_treating:
            self._is_treating = is_needed
            self._server.treat_by(self.treat if is_needed else None)

    def _require_server(self) -> None:
        if self._server is None:
            raise NeedsOwnServer

    def _require_tape(self) -> ControllableTape:
        if self._tape is None:
            raise NoTape
        return self._tape


def _unseen(request: HttpRequest, instead: HttpResponse | None) -> Answered:
    """A request that was not done, for the journal. Its status is 0 if it gets no answer."""
    environ = request.template | request.head.environ
    if instead is None:
        return Answered(environ, request.body, "000 No Answer", (), None, 0.0)
    told = cast(bytes, instead.body)
    return Answered(environ, request.body, instead.status, instead.headers, told, 0.0)


def _distribution(name: str, text: str) -> Distribution:
    """Raises WrongType, IllegalValue."""
    if not isinstance(text, str):
        raise WrongType(detail_of(name, text, LATENCY_RULE))
    try:
        return distribution(text)
    except ValueError:
        raise IllegalValue(detail_of(name, text, LATENCY_RULE)) from None


def _is_of_order(request: HttpRequest) -> bool:
    """Whether it is a client's, and places or cancels one."""
    environ = request.head.environ
    return (
        environ["REQUEST_METHOD"] in ("POST", "DELETE")
        and "HTTP_SEC_FETCH_SITE" not in environ
        and _ORDERS.fullmatch(environ["PATH_INFO"]) is not None
    )
