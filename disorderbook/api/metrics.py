"""How many requests each route was sent, how they ended and how long they took.

What a request costs is the point here: its answer only takes note of it, and dozens of notes are
counted in one go, which is several times as fast as counting each when everything needed for that
has left the processor's caches.

What Prometheus is told at /metrics. Nothing is kept for it but plain counts: the exchange, the
tape and the server are looked at when it asks.
"""

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate, islice
from threading import Lock
from typing import NamedTuple, Protocol

from prometheus_client import CONTENT_TYPE_LATEST, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from disorderbook.engine.book import OrderBook
from disorderbook.exchange import Exchange
from disorderbook.protocol.route import Answer, Document, Request, Route
from disorderbook.tape.feed import TapeCounts

BOUNDS = (  # seconds, each with the requests that took no longer
    0.00001,
    0.000025,
    0.00005,
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    1.0,
)


COUNTED_AT_ONCE = 64  # notes


class Tally:
    """What was counted of the requests of one route."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        # By status line, and then by time: up to each of BOUNDS, and the rest.
        self.buckets: dict[str, list[int]] = defaultdict(lambda: [0] * (len(BOUNDS) + 1))
        self.seconds = 0.0  # that all of them took together


Note = tuple[Tally, str, float]
"""A request: where it is counted, its status line such as "200 OK", the seconds that it took."""


class Counted(NamedTuple):
    """The requests of one route at one moment."""

    method: str
    route: str
    statuses: dict[int, int]
    buckets: list[int]  # by time: up to each of BOUNDS, and the rest
    seconds: float  # that all of them took together


class Tallies:
    """The tallies of all routes. Whoever answers appends to `notes`, and calls `count` when there
    are COUNTED_AT_ONCE of them. Both may be done in any thread: no request is lost.
    """

    def __init__(self) -> None:
        self.notes: deque[Note] = deque()
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._lock = Lock()

    def tally(self, method: str, route: str) -> Tally:
        """Where the requests of a route are counted; `route` is its pattern, never a path."""
        return self._tallies.setdefault((method, route), Tally())

    def count(self) -> None:
        """Count what was noted."""
        with self._lock:
            take = self.notes.popleft
            for _ in range(len(self.notes)):
                tally, line, seconds = take()
                tally.buckets[line][bisect_left(BOUNDS, seconds)] += 1
                tally.seconds += seconds

    def read(self) -> list[Counted]:
        """Every route that was sent a request, with what was noted until now."""
        self.count()
        with self._lock:
            return [
                Counted(*names, _by_status(tally), _by_time(tally), tally.seconds)
                for names, tally in self._tallies.items()
                if tally.buckets
            ]


def _by_status(tally: Tally) -> dict[int, int]:
    """Requests by status, which may come in lines of different wording."""
    statuses: dict[int, int] = {}
    for line, counts in tally.buckets.items():
        status = int(line[:3])
        statuses[status] = statuses.get(status, 0) + sum(counts)
    return statuses


def _by_time(tally: Tally) -> list[int]:
    return list(map(sum, zip(*tally.buckets.values())))


KIND = CONTENT_TYPE_LATEST


MAX_BOOKS_SHOWN = 250  # one by one, venue by venue; a scrape of more would keep traders waiting


OTHER = "other"  # the route of what has none: unknown paths, wrong methods, foreign websites


_BOOK = ("venue", "symbol")


_ROUTE = ("method", "route")


class ServerCounts(Protocol):
    """How our own HTTP server is doing, since it started (`connections`: now)."""

    @property
    def connections(self) -> int: ...

    @property
    def refused(self) -> Mapping[str, int]:
        """Refusals that no application saw, by status line."""

    @property
    def dropped(self) -> int: ...

    @property
    def uncommitted(self) -> int: ...


class Metrics:
    """The requests by route; the server and the tape, if there are such, are asked for theirs."""

    def __init__(
        self,
        server: Callable[[], ServerCounts] | None = None,
        tape: Callable[[], TapeCounts] | None = None,
    ) -> None:
        self._server = server
        self._tape = tape
        self.requests = Tallies()

    def exposition(self, exchange: Exchange) -> bytes:
        """Everything in Prometheus' text format; the exchange's lock must be held."""
        families = [*_of_requests(self.requests.read()), *_of_books(exchange)]
        if self._server:
            families += _of_server(self._server())
        if self._tape:
            families += _of_tape(self._tape())
        return generate_latest(_Families([*families, *_PROCESS.collect()]))


class _Families(Collector):
    """Families that are collected already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


_PROCESS = ProcessCollector(registry=None)  # memory, processor time, descriptors; on Linux


def _of_requests(routes: Iterable[Counted]) -> Iterator[Metric]:
    requests = _counter("http_requests", "Requests that were answered.", (*_ROUTE, "status"))
    times = HistogramMetricFamily(
        "disorderbook_http_request_duration_seconds",
        "Time from a whole request to its answer, without the sockets.",
        labels=_ROUTE,
    )
    bounds = [f"{bound:g}" for bound in BOUNDS] + ["+Inf"]
    for method, route, statuses, counts, seconds in routes:
        for status, count in statuses.items():
            requests.add_metric((method, route, str(status)), count)
        times.add_metric((method, route), list(zip(bounds, accumulate(counts))), seconds)
    yield requests
    yield times


def _of_books(exchange: Exchange) -> Iterator[Metric]:
    orders = _counter("orders", "Orders accepted since the book was opened.", _BOOK)
    executions = _counter("executions", "Executions since the exchange was started.", _BOOK)
    resting = _gauge("resting_orders", "Orders that rest.", (*_BOOK, "side"))
    depth = _gauge("depth_shares", "Shares that rest.", (*_BOOK, "side"))
    closed = _gauge("closed_orders", "Closed orders, by where they are.", (*_BOOK, "place"))
    for book in islice(_books(exchange), MAX_BOOKS_SHOWN):
        name = book.venue, book.symbol
        orders.add_metric(name, book.next_id)
        executions.add_metric(name, book.execution_count)
        for side, ladder in (("buy", book.bids), ("sell", book.asks)):
            resting.add_metric((*name, side), ladder.resting)
            depth.add_metric((*name, side), ladder.depth)
        in_memory = book.held - book.bids.resting - book.asks.resting
        closed.add_metric((*name, "memory"), in_memory)
        closed.add_metric((*name, "archive"), book.next_id - book.held)
    books = _gauge("books", f"Open books; at most {MAX_BOOKS_SHOWN} are shown one by one.")
    books.add_metric((), exchange.book_count)
    yield from (books, orders, executions, resting, depth, closed)


def _books(exchange: Exchange) -> Iterator[OrderBook]:
    """All books, venue by venue."""
    return (book for venue in exchange.venues() for book in exchange.books(venue))


def _of_server(counts: ServerCounts) -> Iterator[Metric]:
    connections = _gauge("http_connections", "Open connections, those being refused included.")
    connections.add_metric((), counts.connections)
    refused = _counter(
        "http_refused", "Requests and connections that the server itself refused.", ("status",)
    )
    for line, count in counts.refused.items():
        refused.add_metric((line[:3],), count)
    dropped = _counter("http_dropped_connections", "Connections cut because there were too many.")
    dropped.add_metric((), counts.dropped)
    uncommitted = _counter(
        "http_uncommitted_responses",
        "Answers replaced by 503 since their changes could not be committed.",
    )
    uncommitted.add_metric((), counts.uncommitted)
    yield from (connections, refused, dropped, uncommitted)


def _of_tape(counts: TapeCounts) -> Iterator[Metric]:
    gauges = [
        ("tape_listeners", "Listeners to the tape.", counts.listeners),
        ("tape_backlog_events", "Events that the tape has not rendered yet.", counts.backlog),
        ("tape_waiting_messages", "Messages that wait for slow listeners.", counts.waiting),
    ]
    counters = [
        ("tape_messages", "Messages that were sent or wait to be.", counts.messages),
        ("tape_conflated_messages", "Ticks that newer ones conflated.", counts.conflated),
        ("tape_fell_behind", "Listeners closed because they fell behind.", counts.fell_behind),
        ("tape_refused", "Listeners that were refused.", counts.refused),
    ]
    for name, explanation, value in gauges:
        gauge = _gauge(name, explanation)
        gauge.add_metric((), value)
        yield gauge
    for name, explanation, value in counters:
        counter = _counter(name, explanation)
        counter.add_metric((), value)
        yield counter


def _gauge(name: str, explanation: str, labels: tuple[str, ...] = ()) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"disorderbook_{name}", explanation, labels=labels)


def _counter(name: str, explanation: str, labels: tuple[str, ...] = ()) -> CounterMetricFamily:
    return CounterMetricFamily(f"disorderbook_{name}", explanation, labels=labels)


class MetricsRoutes:
    def __init__(self, exchange: Exchange, metrics: Metrics) -> None:
        self._exchange = exchange
        self._metrics = metrics

    def metrics(self, request: Request) -> Answer:
        return Document(self._metrics.exposition(self._exchange), KIND)


ROUTES: list[Route] = [("GET", "/metrics", MetricsRoutes.metrics)]
