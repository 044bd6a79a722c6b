"""The thread that hears NATS for a relay: it subscribes to what listeners want, and to no more.

The one rule: the relay never passes over a hole in silence. Whatever may have cost an execution is
noted as a gap: the end of a connection, messages that nats-py has dropped, a number that is
missing, another run of an exchange, and an exchange that says so itself. A message that comes twice
is passed on once.

`want` says what is wanted, from any thread; each change has a number. The thread compares that with
what the server was told, tells it the difference, waits for its answer, and notes the number as
`confirmed`. A connection that has ended is never used again: another one begins with all of it.

The server's permissions may refuse a subscription. It complains before its answer, so what it
`refuses` is known once that is confirmed. Where it refuses the exchanges' own notes of gaps, losses
could pass in silence, so it counts as if it refused all executions.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from disorderbook.nats.arrivals import Arrivals
from disorderbook.nats.connection import NatsAccess, abort, connect, reason_of
from disorderbook.nats.messages import RUN_HEADER, SEQUENCE_HEADER
from disorderbook.nats.subjects import (
    EXECUTION,
    GAP_SUBJECT,
    QUOTE,
    ROOT,
    quoted_subject,
    token,
)
from disorderbook.process.log import quoted
from disorderbook.process.periodic import join
from disorderbook.tape.subscriptions import Subscription

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription as NatsSubscription

RETRY_SECONDS = 0.5  # between two attempts to connect
BEAT_SECONDS = 2.0  # between two signs of life, and for the answer to one

ALL = "*"
DISCONNECTED = "the relay has lost its NATS server: executions may be missing"
MISSING = "executions are missing between the exchange and the relay"
RESTARTED = "the exchange has started anew: executions may be missing"
TOLD = "the exchange has started, or lost executions on their way: some may be missing"
DROPPED = "the relay fell behind: executions may be missing"
FORBIDDEN = "the NATS server's permissions refuse this to the relay"

log = logging.getLogger(__name__)


def subject_of(wanted: Subscription) -> str:
    """What to subscribe to for that; `*` stands for every stock of a venue."""
    symbol = ALL if wanted.symbol is None else token(wanted.symbol)
    book = f"{ROOT}.{token(wanted.venue)}.{symbol}"
    if wanted.account is None:
        return f"{book}.{QUOTE}"
    return f"{book}.{EXECUTION}.{token(wanted.account)}"


class Numbers:
    """The last run and number of each subject of one subscription."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, int]] = {}

    def check(self, subject: str, headers: Mapping[str, str] | None) -> str | None:
        """Why executions may be missing before this message; None if none is. Raises ValueError for
        a message that has come before.
        """
        found = headers or {}
        run, text = found.get(RUN_HEADER, ""), found.get(SEQUENCE_HEADER, "")
        if not run or not text.isascii() or not text.isdigit() or len(text) > 18:
            return None  # somebody else's, which nobody has numbered
        before, number = self._last.get(subject), int(text)
        if before is not None and before[0] == run and number <= before[1]:
            raise ValueError("it has come before")
        self._last[subject] = run, number
        if before is None or (run, number) == (before[0], before[1] + 1):
            return None
        return MISSING if run == before[0] else RESTARTED


class NatsSubscriber:
    """Runs from `start` to `close`; other threads may call `want` and read what is public."""

    def __init__(
        self, access: NatsAccess, arrivals: Arrivals, on_change: Callable[[], None]
    ) -> None:
        self.is_connected = False  # and the server knows what was wanted at the start of that
        self.confirmed = 0  # the number of what was wanted, as far as the server knows it
        self._access = access
        self._arrivals = arrivals
        self._on_change = on_change  # of what is public here
        self._wanted: tuple[int, frozenset[Subscription]] = 0, frozenset()
        self._known: dict[Subscription, NatsSubscription] = {}  # to the server, of this connection
        self._refused: frozenset[Subscription] = frozenset()  # by the server, on this connection
        self._is_gap_refused = False  # likewise
        self._loop = asyncio.new_event_loop()
        self._news = asyncio.Event()  # in the loop: something has changed
        self._is_over = False
        self._is_outage_told = False
        self._closed_for: Exception | None = None  # why the connection has ended
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End the connection and the thread. What is missing from then on is no gap."""
        self._is_over = True
        self._notify()
        join(self._thread)
        self._loop.close()

    def want(self, wanted: frozenset[Subscription]) -> int:
        """From now on that is wanted; returns its number. One thread calls it."""
        number = self._wanted[0] + 1
        self._wanted = number, wanted
        self._notify()
        return number

    def refuses(self, wanted: Subscription) -> bool:
        """Whether the server's permissions refuse that, as far as it was asked for."""
        return wanted in self._refused or (self._is_gap_refused and wanted.account is not None)

    def _notify(self) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._news.set)

    # In the thread.

    def _run(self) -> None:
        self._loop.run_until_complete(self._connect_for_ever())

    async def _connect_for_ever(self) -> None:
        while not self._is_over:
            try:
                await self._use_connection()
            except Exception as fault:
                self._tell_outage(fault)
            if not self._is_over:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._until_over(), RETRY_SECONDS)

    async def _until_over(self) -> None:
        while not self._is_over:
            self._news.clear()
            await self._news.wait()

    async def _use_connection(self) -> None:
        """Connect, and keep the server informed until the connection ends; raises why."""
        self._closed_for = None
        client = await connect(self._access, self._hear, self._end)
        self._known = {}
        try:
            await client.subscribe(GAP_SUBJECT, cb=self._hear_gap)
            while not self._is_over and self._closed_for is None:
                self._news.clear()
                await self._inform(client)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), BEAT_SECONDS)
            if self._closed_for is not None:
                raise self._closed_for
        finally:
            was_connected, self.is_connected = self.is_connected, False
            self._refused, self._is_gap_refused = frozenset(), False
            if was_connected and not self._is_over:
                self._arrivals.add_gap(None, DISCONNECTED)
            self._on_change()
            await abort(client)

    async def _inform(self, client: "Client") -> None:
        """Tell the server what is wanted now, and wait for its answer; raises if none comes."""
        known = self._known
        number, wanted = self._wanted
        self._refused &= wanted  # whoever wants it again has the server asked again
        for each in known.keys() - wanted:
            await known.pop(each).unsubscribe()
        for each in wanted - known.keys():
            known[each] = await client.subscribe(subject_of(each), cb=self._hearer(each))
        await client.flush(BEAT_SECONDS)  # type: ignore[arg-type]
        if not self.is_connected or self.confirmed != number:
            self.confirmed, self.is_connected = number, True
            self._on_change()
            self._tell_connected()

    def _hearer(self, wanted: Subscription) -> "Callable[[Msg], Awaitable[None]]":
        """What takes the messages of a subscription."""
        numbers = Numbers()

        async def hear_quote(message: "Msg") -> None:
            self._arrivals.add_quote(wanted, message.subject, message.data)

        async def hear_execution(message: "Msg") -> None:
            try:
                gap = numbers.check(message.subject, message.headers)
            except ValueError:
                return
            if gap is not None:
                self._arrivals.add_gap(wanted, gap)
            self._arrivals.add_execution(wanted, message.data)

        return hear_quote if wanted.account is None else hear_execution

    async def _hear_gap(self, message: "Msg") -> None:
        self._arrivals.add_gap(None, TOLD)

    async def _hear(self, fault: Exception) -> None:
        """nats-py has dropped what it had no room for, or the server complains."""
        from nats.errors import SlowConsumerError

        log.warning("The NATS server says: %s", quoted(reason_of(fault)))
        if isinstance(fault, SlowConsumerError):
            self._arrivals.add_gap(None, DROPPED)
        else:
            self._note_refusal(str(fault).lower())

    def _note_refusal(self, complaint: str) -> None:
        """Keep what is refused, and then close who listens to it already."""
        asked = self._wanted[1].union(self._known)
        refused = {each for each in asked if quoted_subject(subject_of(each)) in complaint}
        self._refused |= refused
        for each in refused:
            self._arrivals.add_gap(each, FORBIDDEN)
        if quoted_subject(GAP_SUBJECT) in complaint:
            self._is_gap_refused = True
            log.warning("The relay refuses executions: it may not hear %s", GAP_SUBJECT)
            self._arrivals.add_gap(None, FORBIDDEN)
        elif not refused and f".{EXECUTION}." in complaint:
            self._arrivals.add_gap(None, FORBIDDEN)

    async def _end(self, fault: Exception) -> None:
        self._closed_for = fault
        self._news.set()

    # What is told, once for each outage.

    def _tell_outage(self, fault: Exception) -> None:
        if not self._is_outage_told:
            self._is_outage_told = True
            reason = quoted(reason_of(fault))
            log.warning("The relay waits for NATS at %s: %s", self._access.url, reason)

    def _tell_connected(self) -> None:
        if self._is_outage_told:
            self._is_outage_told = False
            log.warning("NATS at %s is there, and the relay goes on", self._access.url)
