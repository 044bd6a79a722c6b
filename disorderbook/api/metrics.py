"""What `/metrics` says: requests by route, books, connections and the tape, for Prometheus.

Nothing is computed in advance: the exchange, the server and the tape have plain counts, which are
read when Prometheus asks. Only requests are counted here. A request must cost next to nothing, so
its answer only appends the time that it took, and dozens of those are sorted and counted in one go.
That is many times as fast as counting each when everything needed for that has left the processor's
caches.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, islice
from math import inf
from threading import Lock
from typing import NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from disorderbook.engine.book import OrderBook
from disorderbook.exchange import Exchange
from disorderbook.nats.publisher import PublisherCounts
from disorderbook.protocol.route import Answer, Document, Request, Route, Steps, made_in_steps
from disorderbook.server.server import Counts as ServerCounts
from disorderbook.tape.subscriptions import TapeCounts

BOUNDS = (  # seconds; a request counts in the bucket of the first that is not less
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
COUNTED_AT_ONCE = 64  # requests of one route and status
MAX_BOOKS_SHOWN = 250  # one by one, venue by venue; a scrape of more would make traders wait
SAMPLES_AT_ONCE = 500  # that are rendered in one step, in 3 ms; those of one family in any case
OTHER = "other"  # the route of what has none: unknown paths, wrong methods, foreign websites

_BOOK = ("venue", "symbol")
_ROUTE = ("method", "route")


class Tally:
    """The counts of one route's requests.

    The application appends the seconds that a request took to `times`, by status line such as
    "200 OK", and calls `count` when there are COUNTED_AT_ONCE of them. Any thread may do both: no
    request is lost.
    """

    __slots__ = ("times", "buckets", "seconds", "_lock")

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)  # that are not counted yet
        # By status line, and then by duration: up to each of BOUNDS, and the rest.
        self.buckets: dict[str, list[int]] = defaultdict(lambda: [0] * (len(BOUNDS) + 1))
        self.seconds = 0.0  # that all of them took together
        self._lock = Lock()

    def count(self) -> None:
        """Count all requests noted so far."""
        with self._lock:
            for line, times in list(self.times.items()):
                taken = times[:]
                del times[: len(taken)]  # what another thread appends meanwhile stays
                self._add(line, sorted(taken))

    def read(self, method: str, route: str) -> "Counted | None":
        """All requests of the route that these are of, None if there were none."""
        self.count()
        with self._lock:
            if not self.buckets:
                return None
            return Counted(method, route, _by_status(self), _by_time(self), self.seconds)

    def _add(self, line: str, times: list[float]) -> None:
        self.seconds += sum(times)
        counts, before = self.buckets[line], 0
        for number, bound in enumerate((*BOUNDS, inf)):
            within = bisect_right(times, bound)
            counts[number] += within - before
            before = within


class Counted(NamedTuple):
    """The requests of one route, as they are at one moment."""

    method: str
    route: str
    statuses: dict[int, int]
    buckets: list[int]  # by duration: up to each of BOUNDS, and the rest
    seconds: float  # that all of them took together


class Tallies:
    """The tallies of all routes."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], Tally] = {}

    def tally(self, method: str, route: str) -> Tally:
        """The tally of a route, which is its pattern and never a path: so they are few."""
        return self._tallies.setdefault((method, route), Tally())

    def read(self) -> list[Counted]:
        """Every route that has had a request, with all of them counted."""
        counted = [tally.read(*names) for names, tally in self._tallies.items()]
        return [route for route in counted if route is not None]


def _by_status(tally: Tally) -> dict[int, int]:
    """Requests by status; status lines may word the same status differently."""
    statuses: dict[int, int] = {}
    for line, counts in tally.buckets.items():
        status = int(line[:3])
        statuses[status] = statuses.get(status, 0) + sum(counts)
    return statuses


def _by_time(tally: Tally) -> list[int]:
    return list(map(sum, zip(*tally.buckets.values())))


class Metrics:
    """The requests by route, and functions that return the counts of the server, of the tape and of
    what publishes to a NATS server.

    Without our own server, without a tape or without --publish, their metrics are absent.
    """

    def __init__(
        self,
        server: Callable[[], ServerCounts] | None = None,
        tape: Callable[[], TapeCounts] | None = None,
        publisher: Callable[[], PublisherCounts] | None = None,
    ) -> None:
        self._server = server
        self._tape = tape
        self._publisher = publisher
        self.requests = Tallies()

    def exposition(self, exchange: Exchange) -> Steps:
        """Everything in Prometheus' text format, as of the first step and rendered in those behind
        it; the exchange's lock must be held.
        """
        families = self._families(exchange)
        rendered = (generate_latest(_Families([family])) for family in families)
        if sum(len(family.samples) for family in families) <= SAMPLES_AT_ONCE:
            return b"".join(rendered)
        yield b""  # collecting was the first step
        yield from rendered
        return b""

    def _families(self, exchange: Exchange) -> list[Metric]:
        families = [*_of_requests(self.requests.read()), *_of_books(exchange)]
        if self._server:
            families += _of_server(self._server())
        if self._tape:
            families += _of_tape(self._tape())
        if self._publisher:
            families += _of_publisher(self._publisher())
        return [*families, *_PROCESS.collect()]


class _Families(Collector):
    """A collector of families that are there already."""

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
    unsent = _gauge("http_unsent_bytes", "Bytes of answers that clients have not taken yet.")
    unsent.add_metric((), counts.unsent_bytes)
    yield from (connections, refused, dropped, uncommitted, unsent)


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


def _of_publisher(counts: PublisherCounts) -> Iterator[Metric]:
    connected = _gauge("nats_connected", "Whether a NATS server can be reached now.")
    connected.add_metric((), counts.is_connected)
    waiting = _gauge("nats_waiting_events", "Events that are not published yet.")
    waiting.add_metric((), counts.waiting)
    messages = _counter("nats_messages", "Messages that a NATS server has confirmed.", ("kind",))
    for kind, count in counts.messages.items():
        messages.add_metric((kind,), count)
    conflated = _counter("nats_conflated_quotes", "Quotes that newer ones conflated.")
    conflated.add_metric((), counts.conflated)
    lost = _counter("nats_lost_messages", "Messages that were not published.", ("reason",))
    for reason, count in counts.lost.items():
        lost.add_metric((reason,), count)
    outages = _counter("nats_outages", "Times without a NATS server.")
    outages.add_metric((), counts.outages)
    yield from (connected, waiting, messages, conflated, lost, outages)


def _gauge(name: str, explanation: str, labels: tuple[str, ...] = ()) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"disorderbook_{name}", explanation, labels=labels)


def _counter(name: str, explanation: str, labels: tuple[str, ...] = ()) -> CounterMetricFamily:
    return CounterMetricFamily(f"disorderbook_{name}", explanation, labels=labels)


class MetricsRoutes:
    """The handler of the table ROUTES."""

    def __init__(self, exchange: Exchange, metrics: Metrics) -> None:
        self._exchange = exchange
        self._metrics = metrics

    def metrics(self, request: Request) -> Answer:
        steps = self._metrics.exposition(self._exchange)
        return Document(made_in_steps(steps, self._exchange.lock, b""), CONTENT_TYPE_LATEST)


ROUTES: list[Route] = [("GET", "/metrics", MetricsRoutes.metrics)]
