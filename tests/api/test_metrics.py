"""What Prometheus reads at /metrics, as its own parser understands it."""

import http.client
import json
import random
import sys
import threading
import time
from collections import Counter
from typing import Any

import pytest
from live import running
from prometheus_client.parser import text_string_to_metric_families
from raw_websocket import CLOSE, TEXT, RawPeer
from wsgi import BUY, KEYS, ORDERS, Client

from disorderbook.api import metrics
from disorderbook.api.app import ROUTES
from disorderbook.api.metrics import BOUNDS, OTHER
from disorderbook.ledger.temporary import TemporaryLedger

REQUESTS = "disorderbook_http_requests_total"
DURATION = "disorderbook_http_request_duration_seconds"
BOOK = {"venue": "TESTEX", "symbol": "FOOBAR"}
AWKWARD = ['"', "\\", "\n", "a\\nb", "{", '",x="', "#", "\u4e2d\U0001f600", " ", "\r", "\u2028"]


class Scrape:
    """The values of one scrape by the name and labels of their samples."""

    def __init__(self, text: str) -> None:
        self.samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                key = sample.name, frozenset(sample.labels.items())
                assert key not in self.samples, f"{key} is there twice"
                self.samples[key] = sample.value

    def __call__(self, name: str, **labels: str) -> float:
        return self.samples[name, frozenset(labels.items())]

    def sum(self, name: str, **labels: str) -> float:
        """Of all samples of a name with at least these labels."""
        return sum(
            value
            for (sample, found), value in self.samples.items()
            if sample == name and labels.items() <= dict(found).items()
        )

    def values_of(self, label: str) -> set[str]:
        return {value for _, labels in self.samples for name, value in labels if name == label}


def scrape(client: Client) -> Scrape:
    answer = client("GET", "/metrics")
    assert answer.status == 200 and answer.type == "text/plain"
    return Scrape(answer.body.decode())


def test_requests_are_counted_by_the_pattern_of_their_route_and_status() -> None:
    client = Client()
    client.order()
    client.order(price=-1)
    for number in range(3):
        client("GET", f"{ORDERS}/{number}")
    route = "/ob/api/venues/<venue>/stocks/<symbol>/orders"
    told = scrape(client)
    assert told(REQUESTS, method="POST", route=route, status="200") == 1
    assert told(REQUESTS, method="POST", route=route, status="400") == 1
    assert told(REQUESTS, method="GET", route=f"{route}/<order_id>", status="200") == 1
    assert told(REQUESTS, method="GET", route=f"{route}/<order_id>", status="404") == 2
    assert told.sum(REQUESTS) == 5
    assert scrape(client)(REQUESTS, method="GET", route="/metrics", status="200") == 1


@pytest.mark.parametrize(
    "method, path, headers, status, route",
    [
        ("GET", "/nothing", {}, "404", OTHER),
        ("PUT", "/ob/api/venues", {}, "405", OTHER),
        ("BREW", "/ob/api/venues", {}, "405", OTHER),
        ("GET", "/ob/api/venues", {"Origin": "https://evil.example"}, "403", OTHER),
        ("GET", "/ob/api/venues", {"Origin": "http://127.0.0.1:8000"}, "200", "/ob/api/venues"),
        ("HEAD", "/ob/api/venues", {}, "200", "/ob/api/venues"),
        ("GET", "//ob/api/venues/", {}, "200", "/ob/api/venues"),
        ("GET", f"/ob/api/venues/{'V' * 2000}", {}, "400", "/ob/api/venues/<venue>"),
        ("GET", "/ob/api/venues/%FF", {}, "404", OTHER),
    ],
)
def test_what_takes_bottles_own_way_is_counted_as_well(
    method: str, path: str, headers: dict[str, str], status: str, route: str
) -> None:
    client = Client()
    assert client(method, path, headers=headers).status == int(status)
    asked = OTHER if route == OTHER else "GET"
    told = scrape(client)
    assert told(REQUESTS, method=asked, route=route, status=status) == 1
    assert told.sum(REQUESTS) == told.sum(f"{DURATION}_count") == 1


def test_a_body_that_is_too_large_and_a_fault_of_ours_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = Client()
    assert client("POST", ORDERS, b" " * 65_537).status == 413
    monkeypatch.setattr(client.services.exchange, "submit", None)
    assert client.order().status == 500
    told = scrape(client)
    assert told.sum(REQUESTS, status="413") == told.sum(REQUESTS, status="500") == 1


def test_times_are_a_histogram_by_route() -> None:
    client = Client()
    start = time.perf_counter()
    for _ in range(20):
        client("GET", "/ob/api/heartbeat")
    most = time.perf_counter() - start
    told, route = scrape(client), {"method": "GET", "route": "/ob/api/heartbeat"}
    assert told(f"{DURATION}_count", **route) == 20
    assert told(f"{DURATION}_bucket", le="+Inf", **route) == 20
    assert 0 < told(f"{DURATION}_sum", **route) < most
    buckets = sorted(
        (float(dict(labels)["le"]), value)
        for (name, labels), value in told.samples.items()
        if name == f"{DURATION}_bucket" and route.items() <= dict(labels).items()
    )
    counts = [value for _, value in buckets]
    assert counts == sorted(counts) and len(counts) == len(BOUNDS) + 1


def test_labels_stay_bounded_whatever_is_asked() -> None:
    client, draw = Client(), random.Random(4)
    for number in range(3000):
        method = draw.choice(["GET", "POST", "DELETE", "HEAD", "PUT", f"M{number}"])
        start = draw.choice(["/", "/ob/api/", "/ob/api/venues/", "/gm/instances/", f"{ORDERS}/"])
        client(method, f"{start}{draw.getrandbits(64):x}" + "/x" * draw.randrange(3), b"{}")
    told = scrape(client)
    assert told.sum(REQUESTS) == 3000
    assert told.values_of("route") <= {OTHER} | {path for _, path, _ in ROUTES}
    assert told.values_of("method") <= {OTHER} | {method for method, _, _ in ROUTES}
    assert len(told.values_of("status")) < 10


def test_a_book_tells_its_orders_executions_and_what_rests() -> None:
    client = Client()
    for _ in range(3):
        client.order(qty=10)
    client.order(direction="sell", qty=15)
    client.order(direction="sell", price=6000, qty=7)
    client("DELETE", f"{ORDERS}/2")
    told = scrape(client)
    assert told("disorderbook_books") == 1
    assert told("disorderbook_orders_total", **BOOK) == 5
    assert told("disorderbook_executions_total", **BOOK) == 2
    assert told("disorderbook_resting_orders", side="buy", **BOOK) == 1
    assert told("disorderbook_depth_shares", side="buy", **BOOK) == 5
    assert told("disorderbook_resting_orders", side="sell", **BOOK) == 1
    assert told("disorderbook_depth_shares", side="sell", **BOOK) == 7
    assert told("disorderbook_closed_orders", place="memory", **BOOK) == 3
    assert told("disorderbook_closed_orders", place="archive", **BOOK) == 0


def test_orders_that_were_moved_out_of_memory_are_in_the_archive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("disorderbook.ledger.temporary.MOVE_SECONDS", 60.0)  # all at once
    client = Client(ledger=TemporaryLedger(bound=10))
    for number in range(50):
        client.order()
        client("DELETE", f"{ORDERS}/{number}")
    client.order()
    told = scrape(client)
    in_memory = told("disorderbook_closed_orders", place="memory", **BOOK)
    assert in_memory + told("disorderbook_closed_orders", place="archive", **BOOK) == 50
    assert 10 <= in_memory <= 11


@pytest.mark.parametrize("name", AWKWARD)
def test_any_name_survives_the_format(name: str) -> None:
    client = Client(venue=name, symbol=f"S{name}S")
    told = scrape(client)
    assert told("disorderbook_orders_total", venue=name, symbol=f"S{name}S") == 0


def test_a_scrape_of_a_hundred_books_is_quick() -> None:
    client = Client()
    for number in range(99):
        client.services.exchange.book(f"V{number % 10}", f"S{number}")
    scrape(client)
    start = time.thread_time()  # of the processor: others may keep the machine busy
    answer = client("GET", "/metrics")
    assert time.thread_time() - start < 0.1  # it takes 5 ms
    assert answer.body.count(b"\ndisorderbook_orders_total{") == 100


def test_not_more_books_are_shown_than_are_told_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MAX_BOOKS_SHOWN", 5)
    client = Client()
    for number in range(19):
        client.services.exchange.book("TESTEX", f"S{number}")
    told = scrape(client)
    assert told("disorderbook_books") == 20
    assert told.values_of("symbol") == {"FOOBAR", "S0", "S1", "S2", "S3"}


def test_many_samples_are_rendered_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    for number in range(99):
        client.services.exchange.book("TESTEX", f"S{number}")
    assert len(list(client.steps("/metrics"))) > 6
    monkeypatch.setattr(metrics, "SAMPLES_AT_ONCE", 2000)
    assert len(list(client.steps("/metrics"))) == 1  # and has its length
    monkeypatch.setattr(metrics, "SAMPLES_AT_ONCE", 500)
    lock, families = client.services.exchange.lock, 0
    for step in client.steps("/metrics"):
        assert not lock.locked()
        families = max(families, step.count(b"# HELP"))
    assert families == 1


def test_no_account_is_named() -> None:
    client = Client(keys=KEYS, extra=True)
    for account, key in KEYS.items():
        headers = {"X-Starfighter-Authorization": key}
        client("POST", ORDERS, BUY | {"account": account}, headers)
        client("GET", f"/ob/api/venues/TESTEX/accounts/{account}/orders", headers=headers)
    text = client("GET", "/metrics").body.decode()
    assert "disorderbook_orders_total" in text and "accounts/<account>" in text
    assert not any(word in text for pair in KEYS.items() for word in pair)


@pytest.mark.skipif(sys.platform != "linux", reason="the process is looked up in /proc")
def test_memory_and_processor_time_are_told_where_the_system_tells_them() -> None:
    told = scrape(Client())
    assert told("process_resident_memory_bytes") > 10e6
    assert told("process_cpu_seconds_total") > 0


@pytest.mark.parametrize("server", ["inline", "waitress"])
def test_over_sockets_every_request_of_several_threads_is_counted(server: str) -> None:
    paths = ["/ob/api/heartbeat", "/ob/api/venues", "/nothing", "/ob/api/venues/NONE/stocks"]
    rounds, threads, sent = 12, 6, Counter[int]()

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", exchange.port, timeout=20)
        for _ in range(rounds):
            for path in paths:
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                with counting:
                    sent[answer.status] += 1
            connection.request("POST", ORDERS, json.dumps(BUY))
            assert connection.getresponse().read()
        connection.close()

    counting = threading.Lock()
    with running("--server", server) as exchange:
        before = fetch(exchange.port)
        asking = [threading.Thread(target=ask) for _ in range(threads)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(60)
        after = fetch(exchange.port)
    each = rounds * threads
    assert sent == {200: 2 * each, 404: 2 * each}
    # The first scrape was counted after it was answered.
    assert after.sum(REQUESTS) - before.sum(REQUESTS) == 5 * each + 1
    assert after.sum(f"{DURATION}_count") == after.sum(REQUESTS)
    assert after(REQUESTS, method=OTHER, route=OTHER, status="404") == each
    assert after("disorderbook_orders_total", **BOOK) == each
    is_told_connections = ("disorderbook_http_connections", frozenset[Any]()) in after.samples
    assert is_told_connections is (server == "inline")


def test_the_server_and_the_tape_tell_theirs() -> None:
    with running("--websockets", "--wsport", "0") as exchange:
        port = int(exchange.process.wait_for(r"ws://127\.0\.0\.1:(\d+)/ob/api/ws/")[1])
        with RawPeer.listening(port, "/ob/api/ws/ME/venues/TESTEX/tickertape") as listener:
            trade(exchange.port)
            listener.frame()
            with RawPeer.listening(port, "/nowhere") as refused:
                assert [frame.opcode for frame in refused.frames()] == [TEXT, CLOSE]
            with RawPeer(exchange.port) as peer:
                peer.send(b"\x16\x03\x01 nonsense\r\n\r\n")
                assert peer.answer().status == 400
            told = fetch(exchange.port)
    assert told("disorderbook_tape_listeners") == 1
    assert told("disorderbook_tape_messages_total") == 1
    assert told("disorderbook_tape_refused_total") == 1  # difference 26
    for name in (
        "tape_backlog_events",
        "tape_waiting_messages",
        "tape_fell_behind_total",
        "tape_conflated_messages_total",
        "http_dropped_connections_total",
        "http_uncommitted_responses_total",
    ):
        assert told(f"disorderbook_{name}") == 0
    assert told("disorderbook_http_refused_total", status="400") == 1
    assert told("disorderbook_http_connections") >= 1


def fetch(port: int) -> Scrape:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/metrics")
    answer: Any = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return Scrape(text)


def trade(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", ORDERS, json.dumps(BUY))
    assert connection.getresponse().status == 200
    connection.close()
