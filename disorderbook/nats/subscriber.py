"""The thread that hears NATS for a relay: it subscribes to what listeners want, and to no more.

The one rule: the relay never passes over a hole in silence. Whatever may have cost an execution is
noted as a gap: the end of a connection, messages that nats-py has dropped, a number that is
missing, another run of an exchange, and an exchange that says so itself. A message that comes twice
is passed on once, and a quote that comes after a later one of its book is not.

Whoever may publish at the server can say anything, so all that is kept of it is bounded, and what
is no message of an exchange is not passed on.

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
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from disorderbook.nats.arrivals import Arrivals
from disorderbook.nats.connection import (
    NatsAccess,
    abort,
    cancel_until_done,
    confirm,
    connect,
    reason_of,
    refused_subject,
)
from disorderbook.nats.numbers import MANY_BOOKS, TWO_EXCHANGES, Numbers, Repeated
from disorderbook.nats.subjects import (
    EXECUTION,
    GAP_SUBJECT,
    QUOTE,
    book_subject,
    quoted_subject,
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
PENDING_BYTES = 8 * 2**20  # of one subscription, that nats-py has taken and nobody has heard
LONGEST_QUOTE = 16 * 1024  # bytes; one of the longest names has some 7,000
MOST_TOLD = 20  # different complaints that are logged of a connection

DISCONNECTED = "the relay has lost its NATS server: executions may be missing"
ANNOUNCED = "the exchange has started, or lost NATS or executions on their way: some may be missing"
DROPPED = "the relay fell behind: executions may be missing"
NO_MESSAGE = "what has come from NATS is no execution of an exchange: some may be missing"
FORBIDDEN = "the NATS server's permissions refuse this to the relay"

log = logging.getLogger(__name__)


def subject_of(wanted: Subscription) -> str:
    """What to subscribe to for that."""
    kind = QUOTE if wanted.account is None else EXECUTION
    return book_subject(kind, wanted.venue, wanted.symbol, wanted.account)


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
        # Likewise, by the quoted subject, in which capital letters are small ones.
        self._asked: dict[str, frozenset[Subscription]] = {}
        self._refused: frozenset[Subscription] = frozenset()  # by the server, on this connection
        self._is_gap_refused = False  # likewise
        self._quotes, self._executions = Numbers(), Numbers()
        self._told: set[str] = set()  # what is logged already, of this connection
        self._loop = asyncio.new_event_loop()
        self._news = asyncio.Event()  # in the loop: something has changed
        self._is_over = False
        self._task: asyncio.Task[None]  # once the loop runs
        self._is_outage_told = False
        self._closed_for: Exception | None = None  # why the connection has ended
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End the connection and the thread. What is missing from then on is no gap."""
        self._is_over = True
        with suppress(RuntimeError):  # the loop has ended
            # A server that says nothing may be waited for.
            self._loop.call_soon_threadsafe(lambda: cancel_until_done(self._task))
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
        self._task = self._loop.create_task(self._connect_for_ever())
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)

    async def _connect_for_ever(self) -> None:
        while not self._is_over:
            try:
                await self._use_connection()
            except Exception as fault:
                self._tell_outage(fault)
            await asyncio.sleep(RETRY_SECONDS)

    async def _use_connection(self) -> None:
        """Connect, and keep the server informed until the connection ends; raises why."""
        self._closed_for = None
        client = await connect(self._access, self._hear, self._end)
        self._known, self._asked = {}, {}
        self._told.clear()
        self._executions = Numbers()
        self._quotes.forget_others(self._wanted[1])  # and what is late is seen on this connection
        try:
            await self._subscribe(client, GAP_SUBJECT, self._hear_gap)
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
            self._forget_asked(each)
            self._executions.forget(each)
            self._quotes.forget(each)
        for each in wanted - known.keys():
            subject = subject_of(each)
            key = quoted_subject(subject)
            self._asked[key] = self._asked.get(key, frozenset()) | {each}
            known[each] = await self._subscribe(client, subject, self._hearer(each))
        await confirm(client, BEAT_SECONDS)
        if not self.is_connected or self.confirmed != number:
            self.confirmed, self.is_connected = number, True
            self._on_change()
            self._tell_connected()

    def _forget_asked(self, wanted: Subscription) -> None:
        subject = quoted_subject(subject_of(wanted))
        others = self._asked.pop(subject) - {wanted}
        if others:
            self._asked[subject] = others

    async def _subscribe(
        self, client: "Client", subject: str, hear: "Callable[[Msg], Awaitable[None]]"
    ) -> "NatsSubscription":
        return await client.subscribe(
            subject, cb=hear, pending_bytes_limit=max(PENDING_BYTES, 2 * client.max_payload)
        )

    def _hearer(self, wanted: Subscription) -> "Callable[[Msg], Awaitable[None]]":
        """What takes the messages of a subscription."""

        async def hear_quote(message: "Msg") -> None:
            self._hear_quote(wanted, message)

        async def hear_execution(message: "Msg") -> None:
            self._hear_execution(wanted, message)

        return hear_quote if wanted.account is None else hear_execution

    def _hear_quote(self, wanted: Subscription, message: "Msg") -> None:
        if len(message.data) > LONGEST_QUOTE or not is_message(message.data):
            self._tell_once("no quote", "What %s carries is no quote", quoted(message.subject))
            return
        try:
            gap = self._quotes.check(wanted, message.subject, message.headers)
        except Repeated:
            return
        self._tell_two_exchanges(gap, message)
        self._arrivals.add_quote(wanted, message.subject, message.data)

    def _hear_execution(self, wanted: Subscription, message: "Msg") -> None:
        if not is_message(message.data):
            self._tell_once("none", "What %s carries is no execution", quoted(message.subject))
            self._arrivals.add_gap(wanted, NO_MESSAGE)
            return
        try:
            gap = self._executions.check(wanted, message.subject, message.headers)
        except Repeated:
            return
        if gap is not None:
            self._arrivals.add_gap(None if gap == MANY_BOOKS else wanted, gap)
        self._tell_two_exchanges(gap, message)
        self._arrivals.add_execution(wanted, message.data)

    async def _hear_gap(self, message: "Msg") -> None:
        self._arrivals.add_gap(None, ANNOUNCED)

    def _tell_two_exchanges(self, gap: str | None, message: "Msg") -> None:
        if gap == TWO_EXCHANGES:
            self._tell_once(gap, "Two exchanges publish the same: %s", quoted(message.subject))

    def _tell_once(self, reason: str, sentence: str, *arguments: object) -> None:
        """Log something, once while a connection lasts."""
        if reason not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(reason)
            log.warning(sentence, *arguments)

    async def _hear(self, fault: Exception) -> None:
        """nats-py has dropped what it had no room for, or the server refuses a subscription. All
        else ends the connection, and is told as its end.
        """
        from nats.errors import SlowConsumerError

        reason = quoted(reason_of(fault))
        if isinstance(fault, SlowConsumerError):
            self._tell_once(reason, "The relay fell behind: %s", reason)
            self._arrivals.add_gap(None, DROPPED)
        elif subject := refused_subject(fault):
            sentence = "%s does not let the relay subscribe: %s"
            self._tell_once(reason, sentence, self._access.url, reason)
            self._note_refusal(subject)

    def _note_refusal(self, subject: str) -> None:
        """Keep what is refused, by its quoted subject, and then close who listens to it already."""
        refused = self._asked.get(subject, frozenset())
        self._refused |= refused
        for each in refused:
            self._arrivals.add_gap(each, FORBIDDEN)
        if subject == quoted_subject(GAP_SUBJECT):
            self._is_gap_refused = True
            log.warning("The relay refuses executions: it may not hear %s", GAP_SUBJECT)
            self._arrivals.add_gap(None, FORBIDDEN)
        elif not refused and f".{EXECUTION}." in subject:
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


def is_message(payload: bytes) -> bool:
    """Whether this may be a message of an exchange: a websocket carries nothing but UTF-8."""
    if not payload.startswith(b"{"):
        return False
    if payload.isascii():
        return True
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
