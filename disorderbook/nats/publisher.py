"""The publisher: a thread that gives a NATS server what happens in an exchange.

The one rule: the exchange never waits for it. `add` is an append to a bounded queue (queue.py); the
rest happens here, in an event loop of its own:

1. A batch is made of what waits, some BATCH_BYTES, and sent. The server confirms it (PING, PONG)
   before the next one, so no more than a batch is ever under way.
2. What is not confirmed within CONFIRM_SECONDS, or a connection that ends, is an outage: quotes are
   conflated, trades wait in the queue, and there is an attempt to connect each RETRY_SECONDS.
3. Afterwards trades that were not confirmed are sent again, once, with the numbers that they had;
   then those that waited, and quotes as they are read at that moment, a few under each lock. So are
   the quotes that were confirmed just before: the server may have died with them.

Whatever is behind by more than LATE_SECONDS without an outage is conflated as well. An outage is
told once in the log, and so is its end.
"""

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, NamedTuple

from disorderbook.engine.book import OrderBook
from disorderbook.errors import ExchangeError
from disorderbook.exchange import Exchange
from disorderbook.nats.connection import (
    NatsAccess,
    abort,
    cancel_until_done,
    confirm,
    connect,
    reason_of,
    refused_subject,
    stream_of,
)
from disorderbook.nats.messages import (
    FAILED,
    MOST_HEADER_BYTES,
    RUN_HEADER,
    TOO_LARGE,
    Publication,
    Publications,
)
from disorderbook.nats.queue import Losses, PublishQueue
from disorderbook.nats.subjects import (
    EXECUTION,
    GAP_SUBJECT,
    LONGEST_SUBJECT,
    QUOTE,
    TRADE,
    quoted_subject,
)
from disorderbook.process.forks import descriptor_closed_in_child
from disorderbook.process.periodic import join
from disorderbook.tape.poller import Waker, short_switch_interval

if TYPE_CHECKING:
    from nats.aio.client import Client

BATCH_BYTES = 64 * 1024
BATCH_MESSAGES = 512
QUOTES_AT_ONCE = 32  # that are read while the exchange's lock is held, in some 50 microseconds
PAUSE_SECONDS = 0.002  # between two batches, in which orders have the processor
CONFIRM_SECONDS = 2.0
LATE_SECONDS = 0.5  # that something may wait before quotes are conflated
RETRY_SECONDS = 1.0
RECENT_SECONDS = 2.0  # in which what a server has confirmed has surely gone further
END_SECONDS = 1.0  # for what waits at the end

FULL, OUTAGE, REFUSED = "full", "outage", "refused"  # why messages are lost, besides

log = logging.getLogger(__name__)


class PublisherCounts(NamedTuple):
    """Counts since the start; `is_connected` and `waiting` are of now."""

    is_connected: bool
    waiting: int  # events that wait in the queue
    messages: dict[str, int]  # that a server has confirmed, by kind
    conflated: int  # quotes that were not sent because newer ones say more
    lost: dict[str, int]  # messages that nobody gets, by why
    outages: int


class Publisher:
    """Publishes from `start` to `close`; `add` may be called before and after that as well."""

    def __init__(self, access: NatsAccess, has_executions: bool = False) -> None:
        """With `has_executions` executions are published, too, besides those of levels, where only
        the exchange knows who may hear of them.
        """
        self._access = access
        self._has_executions = has_executions
        self._waker = Waker()
        self._queue = PublishQueue(self._waker, has_executions)
        self.add = self._queue.add  # called after each event; the exchange's lock must be held
        self.forget = self._queue.forget  # called with a book that is closed
        self._publications = Publications()
        self._rendered = self._render()
        self._unconfirmed: list[Publication] = []  # to be sent again
        self._recent = _RecentBooks()
        self._caught_up_at = 0.0  # when nothing waited
        self._confirmed = Counter({QUOTE: 0, TRADE: 0, EXECUTION: 0})
        self._lost = Counter({FULL: 0, OUTAGE: 0, TOO_LARGE: 0, REFUSED: 0, FAILED: 0})
        self._is_connected = False
        self._outages = 0
        self._outage_began: float | None = None  # of one that goes on and is told
        self._has_gap = has_executions  # whether executions may be missing: of the last run, too
        self._refused: Counter[str] = Counter()  # of what is under way, by its quoted subject
        self._told: set[str] = set()  # of these reasons, since the connection began
        self._closed_for: Exception | None = None  # why the connection has ended
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="nats", daemon=True)

    def start(self, exchange: Exchange) -> None:
        """Begin to publish what happens there."""
        self._exchange = exchange
        self._loop = asyncio.SelectorEventLoop()
        self._woken, self._stopped = asyncio.Event(), asyncio.Event()
        self._thread.start()

    def close(self) -> None:
        """Publish what waits, if that can be done within END_SECONDS, and end."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._stop)
        join(self._thread)
        self._waker.close()

    def counts(self) -> PublisherCounts:
        """May be called from any thread."""
        return PublisherCounts(
            self._is_connected,
            len(self._queue),
            dict(self._confirmed),
            self._queue.conflated,
            dict(self._lost),
            self._outages,
        )

    # The loop, on the thread of its own.

    def _run(self) -> None:
        with short_switch_interval(), asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            with suppress(asyncio.CancelledError):
                runner.run(self._main())
        if self._queue or self._unconfirmed:
            log.warning(
                "The exchange ends before all was published to %s; events that are left: %d",
                self._access.url,
                len(self._queue) + len(self._unconfirmed),
            )

    async def _main(self) -> None:
        self._task = asyncio.current_task()
        self._loop.add_reader(self._waker.fileno(), self._wake)
        while not self._stopped.is_set():
            try:
                async with self._connection() as client:
                    await self._publish(client)
            except Exception as fault:
                self._note_outage(fault)
                self._forget_closed()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), RETRY_SECONDS)

    def _wake(self) -> None:
        with suppress(BlockingIOError):
            self._waker.clear()
        self._woken.set()

    def _stop(self) -> None:
        self._stopped.set()
        self._woken.set()
        if self._task is not None:
            self._loop.call_later(END_SECONDS, cancel_until_done, self._task)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator["Client"]:
        self._closed_for = None
        client = await connect(self._access, self._hear, self._end)
        stream = stream_of(client)
        sock = None if stream is None else stream.get_extra_info("socket")
        try:
            with nullcontext() if sock is None else descriptor_closed_in_child(sock.fileno()):
                yield client
        finally:
            await abort(client)

    async def _hear(self, fault: Exception) -> None:
        """The server complains of something, and goes on. It does so before it confirms."""
        subject = refused_subject(fault)
        if subject is not None:
            self._refused[subject] += 1
            sentence = "%s does not let us publish: %s"
            self._tell_once(REFUSED, sentence, self._access.url, reason_of(fault))

    def _tell_once(self, reason: str, sentence: str, *arguments: object) -> None:
        """Log why messages are lost, once while a connection lasts."""
        if reason not in self._told:
            self._told.add(reason)
            log.warning(sentence, *arguments)

    async def _end(self, fault: Exception) -> None:
        self._closed_for = fault
        self._woken.set()

    async def _publish(self, client: "Client") -> None:
        """Until everything is published and the exchange ends; raises what goes wrong."""
        self._publications.most_bytes = client.max_payload - MOST_HEADER_BYTES
        self._note_connected()
        while True:
            if self._has_gap:
                await self._tell_gap(client)
            batch = self._next_batch()
            if batch:
                await self._send(client, batch)
                await asyncio.sleep(0 if self._stopped.is_set() else PAUSE_SECONDS)
            elif self._queue or self._has_gap:
                await asyncio.sleep(0)  # the exchange has added something since, or all was lost
            elif self._stopped.is_set():
                return
            else:
                await self._sleep()
            self._require_open()

    async def _sleep(self) -> None:
        """Until there is news, or the connection ends."""
        self._woken.clear()
        self._waker.asleep = True
        if not self._queue and not self._stopped.is_set() and self._closed_for is None:
            await self._woken.wait()
        self._waker.asleep = False
        self._caught_up_at = time.monotonic()

    async def _send(self, client: "Client", batch: Sequence[Publication]) -> None:
        """Send a batch, and wait until it is confirmed."""
        is_repeated, self._unconfirmed = bool(self._unconfirmed), list(batch)
        self._refused.clear()
        try:
            for each in batch:
                await client.publish(each.subject, each.payload, headers=each.headers)
            await self._confirm(client)
        except BaseException:
            self._take_back(batch, is_repeated)
            raise
        self._unconfirmed = []
        if self._refused:
            batch = [each for each in batch if not self._is_refused(each)]
        self._confirmed.update(each.kind for each in batch)
        self._recent.note(each.book for each in batch if each.kind == QUOTE)

    def _is_refused(self, publication: Publication) -> bool:
        """Whether the server has complained of a message, which is lost then."""
        subject = quoted_subject(publication.subject)
        if not self._refused[subject]:
            return False
        self._refused[subject] -= 1
        self._lose(REFUSED, [publication])
        return True

    async def _tell_gap(self, client: "Client") -> None:
        """Say that executions before this may be missing, which no number tells an account that
        trades no more.
        """
        await client.publish(GAP_SUBJECT, b"", headers={RUN_HEADER: self._publications.run})
        await self._confirm(client)
        self._has_gap = False

    async def _confirm(self, client: "Client") -> None:
        """Wait for the server; raises TimeoutError, or why the connection has ended."""
        try:
            await confirm(client, CONFIRM_SECONDS)
        except OSError:
            self._require_open()  # which says why
            raise
        self._require_open()

    def _require_open(self) -> None:
        if self._closed_for is not None:
            raise self._closed_for

    def _take_back(self, batch: Sequence[Publication], is_repeated: bool) -> None:
        """A batch was not confirmed: trades are sent again, once; of quotes the newest is read."""
        for each in batch:
            if each.kind == QUOTE:
                self._queue.note_changed(each.book)
        self._unconfirmed = [each for each in batch if each.kind != QUOTE]
        if is_repeated and self._unconfirmed:
            # Perhaps the server ends the connection because of one of these.
            self._lose(OUTAGE, self._unconfirmed)
            log.warning(
                "%s has not confirmed %d trades and executions, and they are lost",
                self._access.url,
                len(self._unconfirmed),
            )
            self._unconfirmed = []

    def _lose(self, reason: str, messages: Sequence[Publication]) -> None:
        self._lost[reason] += len(messages)
        self._has_gap = self._has_gap or any(each.kind == EXECUTION for each in messages)

    # What is sent next.

    def _next_batch(self) -> list[Publication]:
        # Another server may take less.
        self._unconfirmed = [each for each in self._unconfirmed if self._fits(each)]
        if self._unconfirmed:
            return self._unconfirmed
        if time.monotonic() > self._caught_up_at + LATE_SECONDS:
            self._queue.conflate()
        batch: list[Publication] = []
        size = 0
        while size < BATCH_BYTES and len(batch) < BATCH_MESSAGES:
            publication = next(self._rendered)
            if publication is None:
                self._caught_up_at = time.monotonic()
                break
            if self._fits(publication):
                batch.append(publication)
                size += len(publication.subject) + len(publication.payload)
        if self._queue.is_to_catch_up:
            batch += self._catch_up()
        return batch

    def _render(self) -> Iterator[Publication | None]:
        """The messages of what waits in the queue, and None whenever nothing does."""
        while True:
            event = self._queue.first()
            if event is None:
                yield None
                continue
            book, executions, _ = event
            has_executions = self._has_executions and bool(executions) and not self._is_level(book)
            yield from self._publications.trades(book, executions, has_executions)
            quote = self._queue.take_quote()
            if quote is not None:
                yield self._publications.quote(book, quote)

    def _fits(self, publication: Publication) -> bool:
        """Whether a message can be sent, which is lost otherwise."""
        loss, most = publication.loss, self._publications.most_bytes
        if len(publication.payload) > most or len(publication.subject) > LONGEST_SUBJECT:
            loss = TOO_LARGE
        if loss is None:
            return True
        self._lose(loss, [publication])
        if loss == TOO_LARGE:
            self._tell_once(
                loss,
                "Messages are too large for %s, and not published: %d bytes may be in one, and %d"
                " in its subject",
                self._access.url,
                most,
                LONGEST_SUBJECT,
            )
        return False

    def _catch_up(self) -> list[Publication]:
        """Quotes that were conflated, as they are now, and what follows from what was lost."""
        with self._exchange.lock:
            read = self._exchange.read_clock()
            quotes = [
                (book, book.quote())
                for changed in self._queue.take_changed(QUOTES_AT_ONCE)
                if (book := self._book_now(changed)) is not None
            ]
            losses, forgotten = self._queue.catch_up()
        if losses.trades:
            self._lose_unqueued(losses)
        made = [self._publications.quote(book, quote, read) for book, quote in quotes]
        self._forget(forgotten)
        return [each for each in made if self._fits(each)]

    def _lose_unqueued(self, losses: Losses) -> None:
        """Count what found no room; executions of levels would not have been published anyway."""
        trades, executions = losses
        levels = {book for book in trades if executions and self._is_level(book)}
        executions = Counter({key: n for key, n in executions.items() if key[0] not in levels})
        self._publications.lose(Losses(trades, executions))
        self._lost[FULL] += trades.total() + executions.total()
        self._has_gap = self._has_gap or bool(executions)
        log.warning(
            "Too much waited for %s, and trades are lost: %d, in so many books: %d",
            self._access.url,
            trades.total(),
            len(trades),
        )

    def _forget_closed(self) -> None:
        """Hold nothing of books that were closed during an outage."""
        with self._exchange.lock:
            lost, closed = self._queue.take_closed()
        self._lost[FULL] += lost
        self._forget(closed)

    def _forget(self, closed: Sequence[OrderBook]) -> None:
        for book in closed:
            self._publications.forget(book)

    def _book_now(self, book: OrderBook) -> OrderBook | None:
        """What is in the place of a book by now: after a rollback or a reset it is another one."""
        try:
            return self._exchange.find_book(book.venue, book.symbol)
        except ExchangeError:
            return None

    def _is_level(self, book: OrderBook) -> bool:
        """Whether a book is a level's, or may have been: one that is gone does not say."""
        # Without the lock, but in this order: see `is_reserved`.
        return self._exchange.is_reserved(book.venue) or self._book_now(book) is None

    # Outages.

    def _note_connected(self) -> None:
        self._is_connected = True
        self._caught_up_at = time.monotonic()
        self._told.clear()
        if self._outage_began is not None:
            log.warning(
                "%s can be reached again after %.1f s; events with trades that have waited: %d",
                self._access.url,
                time.monotonic() - self._outage_began,
                len(self._queue) + len(self._unconfirmed),
            )
            self._outage_began = None

    def _note_outage(self, fault: Exception) -> None:
        self._is_connected = False
        self._queue.conflate()
        # What a server has confirmed may not have gone further.
        self._has_gap = self._has_executions
        for book in self._recent.take():
            self._queue.note_changed(book)
        if self._outage_began is None:
            self._outage_began = time.monotonic()
            self._outages += 1
            log.warning(
                "Cannot publish to %s now: %s (trading goes on, and so do attempts)",
                self._access.url,
                reason_of(fault),
            )


class _RecentBooks:
    """The books whose quotes were confirmed lately. A server of a cluster may have died before it
    has passed them on to the others, so after an outage they are read once more.
    """

    def __init__(self) -> None:
        self._older: dict[OrderBook, None] = {}
        self._newer: dict[OrderBook, None] = {}
        self._turned_at = 0.0

    def note(self, books: Iterable[OrderBook]) -> None:
        now = time.monotonic()
        if now > self._turned_at + RECENT_SECONDS:
            self._older, self._newer, self._turned_at = self._newer, {}, now
        self._newer.update(dict.fromkeys(books))

    def take(self) -> list[OrderBook]:
        """All of them, which are not held any longer."""
        taken = [*(self._older | self._newer)]
        self._older, self._newer = {}, {}
        return taken
