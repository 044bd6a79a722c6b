"""Difference 28: a page that may ask may read what it is answered, whatever that is."""

from typing import Any

import pytest
from raw_http import Answer as RawAnswer
from raw_http import Peer, Recorder, chunked, get, post, serving
from wsgi import BUY, KEYS, ORDERS, Client

from disorderbook.api.app import ROUTES, make_app
from disorderbook.server.origin import OriginPolicy
from disorderbook.server.reader import Head, HttpRequest
from disorderbook.server.response import uncommitted_response

PAGE = "http://localhost:3000"
FOREIGN = ["http://evil.example", "null", "http://localhost.evil.example", r"http://127.0.0.1\.x"]


def readable_by(headers: dict[str, str]) -> str | None:
    """The origin that may read an answer with these headers (their names in lower case)."""
    names = {name for name in headers if name.startswith("access-control-") or name == "vary"}
    if not names:
        return None
    assert {"access-control-allow-origin", "access-control-expose-headers", "vary"} <= names
    assert headers["vary"] == "Origin"
    assert headers["access-control-expose-headers"] == "X-Error-Detail, Retry-After"
    assert "access-control-allow-credentials" not in names
    return headers["access-control-allow-origin"]


def ask(client: Client, *request: Any, origin: str, **more: str) -> tuple[int, str | None]:
    """Status, and who may read it."""
    method, path, *body = request
    answer = client(method, path, *(body or [b""]), headers={"Origin": origin, **more})
    return answer.status, readable_by({k.lower(): v for k, v in answer.headers.items()})


@pytest.mark.parametrize(
    "status, request_",
    [
        (200, ("GET", "/")),
        (200, ("GET", "/ob/api/venues")),
        (200, ("POST", ORDERS, BUY)),
        (200, ("HEAD", "/ob/api/venues")),
        (400, ("POST", ORDERS, b"{")),
        (403, ("GET", "/ob/api/venues/V/accounts/A/orders")),
        (404, ("GET", "/nothing")),
        (404, ("GET", "/%ff")),
        (404, ("GET", "/gm/instances/9")),
        (405, ("PUT", ORDERS)),
        (413, ("POST", ORDERS, b" " * 65537)),
        (405, ("OPTIONS", ORDERS)),
    ],
)
def test_every_answer_may_be_read_by_a_page_of_this_machine(
    status: int, request_: tuple[Any, ...]
) -> None:
    client = Client()
    for origin in (PAGE, "https://127.0.0.1:8000", "http://[::1]"):
        assert ask(client, *request_, origin=origin) == (status, origin)
    for origin in FOREIGN:
        assert ask(client, *request_, origin=origin) == (403, None)
    method, path, *body = request_
    plain = client(method, path, *(body or [b""]))
    assert readable_by({name.lower(): v for name, v in plain.headers.items()}) is None


def test_a_missing_key_and_our_own_fault_can_be_read_too() -> None:
    client = Client(keys=KEYS)
    assert ask(client, "POST", ORDERS, BUY, origin=PAGE) == (401, PAGE)
    del client.services.exchange._venues["TESTEX"]["FOOBAR"].bids
    assert ask(client, "GET", ORDERS.removesuffix("/orders"), origin=PAGE) == (500, PAGE)


def test_a_page_of_an_allowed_host_may_read_and_that_of_an_unknown_one_may_not() -> None:
    client = Client(allowed_hosts=["trade.example"])
    for host, expected in (("trade.example", 200), ("evil.example", 403)):
        origin = f"https://{host}"
        readable = origin if expected == 200 else None
        asked = ask(client, "GET", "/ob/api/venues", origin=origin, Host=host)
        assert asked == (expected, readable)
    assert ask(client, "GET", "/", origin=PAGE, Host="evil.example") == (403, PAGE)


FILLED_IN = {
    "<venue>": "V",
    "<symbol>": "S",
    "<account>": "A",
    "<order_id>": "0",
    "<instance_id>": "1",
    "<name>": "first_steps",
    "<file>": "page.js",
}


def concrete(path: str) -> str:
    for name, value in FILLED_IN.items():
        path = path.replace(name, value)
    return path


@pytest.mark.parametrize("path", sorted({path for _, path, _ in ROUTES}))
def test_a_preflight_is_told_every_method_of_the_path(path: str) -> None:
    client = Client()
    methods = {method for method, known, _ in ROUTES if known == path}
    if "GET" in methods:
        methods.add("HEAD")
    for spelling in (concrete(path), f"/{concrete(path)}//"):
        asked = {
            "Origin": PAGE,
            "Access-Control-Request-Method": "DELETE",
            "Access-Control-Request-Headers": "content-type",
        }
        answer = client("OPTIONS", spelling, headers=asked)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        assert (answer.status, answer.body, readable_by(headers)) == (204, b"", PAGE)
        assert set(headers["access-control-allow-methods"].split(",")) == methods
        assert headers["access-control-allow-headers"].lower().split(", ") == [
            "content-type",
            "x-starfighter-authorization",
            "x-stockfighter-authorization",
            "idempotency-key",
        ]
        for origin in FOREIGN:
            assert client("OPTIONS", spelling, headers=asked | {"Origin": origin}).status == 403
    assert client.services.exchange.find_book("V", "S") is None


def test_a_page_may_ask_for_what_does_not_exist_to_be_told_so() -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "DELETE"}
    answer = Client()("OPTIONS", "/nothing", headers=asked)
    assert answer.status == 204
    assert "DELETE" in answer.headers["Access-Control-Allow-Methods"].split(",")


def last(app: Any, request: bytes, **limits: float) -> RawAnswer:
    with serving(app, **limits) as server, Peer(server.port) as peer:
        peer.send(request)
        return peer.answers()[-1]


@pytest.mark.parametrize(
    "status, make",
    [
        (413, lambda line: post("/", b"x" * 65537, line)),
        (
            413,
            lambda line: chunked("/", b"x" * 65537).replace(b"\r\n", f"\r\n{line}\r\n".encode(), 1),
        ),
        (431, lambda line: get("/", "1.1", line, "X: " + "x" * 20000)),
        (400, lambda line: get("/", "1.1", line, "No header")),
        (400, lambda line: get("/", "1.1", line, "Transfer-Encoding: gzip")),
        (417, lambda line: post("/", b"", line, "Expect: tea")),
        (505, lambda line: get("/", "2.0", line)),
        (408, lambda line: get("/", "1.1", line, "X: ")[:-4]),
        (408, lambda line: post("/", b"abc", line)[:-1]),
        (500, lambda line: get("/boom", "1.0", line)),
    ],
)
def test_the_servers_own_refusals_may_be_read_too(status: int, make: Any) -> None:
    for origin, reader in ((PAGE, PAGE), (FOREIGN[0], None)):
        answer = last(Recorder(), make(f"Origin: {origin}"), head_seconds=0.2, body_seconds=0.2)
        assert (answer.error[0], readable_by(answer.headers)) == (status, reader)
    assert readable_by(last(Recorder(), get("/%", "2.0")).headers) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda line: get("/", "1.1", line),
        lambda line: post("/", b"abc", line),
        lambda line: post("/", b"abc", line)[:-1],
        lambda line: get("/", "2.0", line),
        lambda line: get("/", "1.1", line)[:-2],
    ],
)
def test_the_refusal_of_a_connection_too_many_may_be_read_too(make: Any) -> None:
    app = Recorder()
    for origin, reader in ((PAGE, PAGE), (FOREIGN[0], None)):
        with serving(app, connections=1) as server, Peer(server.port) as first:
            assert first.ask(get("/")).status == 200
            with Peer(server.port) as excess:
                excess.send(make(f"Origin: {origin}"))
                [answer] = excess.answers()
            assert (answer.error[0], readable_by(answer.headers)) == (503, reader)
    assert len(app.asked) == 2, "and it is not run"


def test_an_uncommitted_response_may_be_read_too() -> None:
    environ = {
        "REQUEST_METHOD": "POST",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "disorderbook.origins": OriginPolicy(),
    }

    def refused(origin: str) -> bytes:
        head = Head(0, environ | {"HTTP_ORIGIN": origin})
        return uncommitted_response(b"{}", HttpRequest(head, {}, b"", True))

    assert f"Access-Control-Allow-Origin: {PAGE}\r\n".encode() in refused(PAGE)
    assert b"Access-Control" not in refused(FOREIGN[0])


def test_what_was_said_of_one_request_is_not_said_of_the_next() -> None:
    with serving(make_app(Client().services)) as server, Peer(server.port) as peer:
        asked = get("/ob/api/venues", "1.1", f"Origin: {PAGE}")
        assert readable_by(peer.ask(asked).headers) == PAGE
        assert readable_by(peer.ask(get("/ob/api/venues")).headers) is None
        peer.send(b"\x00")
        assert readable_by(peer.answers()[-1].headers) is None
