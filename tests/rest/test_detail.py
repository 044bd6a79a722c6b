"""Difference 21: what was wrong exactly stands in a header, and nowhere else."""

import json
from typing import Any

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from raw_http import Answer as RawAnswer
from raw_http import Peer, chunked, get, post, serving
from wsgi import BUY, KEYS, ORDERS, Answer, Client

from disorderbook.api.app import make_app
from disorderbook.protocol.names import LONGEST_SHOWN, detail_header, detail_of, shown
from disorderbook.protocol.parse import FIELD_NAMES

STOCK = "/ob/api/venues/TESTEX/stocks/FOOBAR"
V1 = "/api/v1/venues/TESTEX/stocks/FOOBAR"
HEADER = "X-Error-Detail"
NUMBER = "allowed: a whole number or a string of digits, at most 2147483647"


def detail(answer: Answer) -> str:
    assert answer.error  # the envelope is as it was
    text = answer.headers[HEADER]
    assert text.isascii() and text.isprintable()
    value = json.loads(text)
    assert isinstance(value, str)
    return value


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({"venue": "W"}, 'venue is "W"; allowed: that of the URL, "TESTEX"'),
        ({"stock": 5}, 'stock is 5; allowed: that of the URL, "FOOBAR"'),
        ({"symbol": None, "SYMBOL": "S"}, 'symbol is "S"; allowed: that of the URL, "FOOBAR"'),
        ({"account": None}, "account is missing; allowed: a string of 1 to 255 characters"),
        ({"account": 7}, "account is 7; allowed: a string of 1 to 255 characters"),
        ({"account": ""}, 'account is ""; allowed: a string of 1 to 255 characters'),
        ({"account": "Z" * 256}, f'account is "{"Z" * 80}"...; allowed: at most 255 characters'),
        ({"direction": None}, "direction is missing; allowed: buy or sell"),
        ({"direction": "hold"}, 'direction is "hold"; allowed: buy or sell'),
        (
            {"orderType": "stop"},
            'orderType is "stop"; allowed: limit, market, fill-or-kill, fok, '
            "immediate-or-cancel, ioc",
        ),
        ({"price": None}, f"price is missing; {NUMBER}, at least 0 (cents)"),
        ({"price": 12.9}, f"price is 12.9; {NUMBER}, at least 0 (cents)"),
        ({"price": [1, {"a": "b"}]}, f'price is [1, {{"a": "b"}}]; {NUMBER}, at least 0 (cents)'),
        ({"price": -1}, f"price is -1; {NUMBER}, at least 0 (cents)"),
        ({"qty": 0}, f"qty is 0; {NUMBER}, at least 1 (shares)"),
        ({"qty": True}, f"qty is true; {NUMBER}, at least 1 (shares)"),
        ({"qty": 2**31}, f"qty is 2147483648; {NUMBER}, at least 1 (shares)"),
        ({"qty": float("nan")}, f"qty is NaN; {NUMBER}, at least 1 (shares)"),
    ],
)
def test_a_wrong_field_is_named_with_its_value_and_what_is_allowed(
    changes: dict[str, object], expected: str
) -> None:
    client = Client()
    refused = client.order(**changes)
    assert detail(refused) == expected
    fields = {name: value for name, value in (BUY | changes).items() if value is not None}
    other_way = client("POST", f"/{ORDERS}", fields)
    assert other_way.headers[HEADER] == refused.headers[HEADER]


@pytest.mark.parametrize(
    "body, expected",
    [
        (b"{", "the body is not JSON: Expecting property name"),
        (b"[]", "body is []; allowed: a JSON"),
        (b"[" * 60000, "the body is nested too deeply"),
        (b"\xff\xff", "the body is not JSON: "),
    ],
)
def test_a_body_that_is_no_order_is_explained(body: bytes, expected: str) -> None:
    assert detail(Client()("POST", ORDERS, body)).startswith(expected)


@pytest.mark.parametrize(
    "method, path, expected",
    [
        ("GET", f"{STOCK}/orders/7", "the order's id is 7; allowed: that of an order in this book"),
        (
            "DELETE",
            f"{STOCK}/orders/x%0d%0aY:z",
            'the order\'s id is "x\\r\\nY:z"; allowed: that of',
        ),
        ("GET", "/ob/api/venues/NONE/stocks", 'venue is "NONE"; allowed: the name of a venue'),
        ("GET", f"/ob/api/venues/{'N' * 300}", f'venue is "{"N" * 80}"...; allowed: at most 255'),
        ("GET", f"/ob/api/venues/V/stocks/{'N' * 300}/quote", 'symbol is "NN'),
        (
            "GET",
            "/ob/api/venues/NEW/stocks/NEW",
            "1 books are open; allowed: that many (--maxbooks)",
        ),
        (
            "GET",
            "/ob/api/venues/V/accounts/A/orders",
            "listing an account's orders is allowed with",
        ),
        ("GET", f"{STOCK}/scores?format=xml", 'format is "xml"; allowed: json, csv'),
        (
            "GET",
            f"{V1}/market?levels=201",
            'levels is "201"; allowed: a whole number from 0 to 200',
        ),
        ("GET", f"{V1}/candles?span=1d", 'span is "1d"; allowed: 5m, 30m, all'),
        ("GET", f"{V1}/market?{'a=1&' * 17}", "allowed: 16 parameters"),
        (
            "GET",
            "/api/v1/venues/TESTEX/stocks/NONE/market",
            'symbol is "NONE"; allowed: a stock that',
        ),
        (
            "GET",
            "/gm/instances/77",
            "the instance's id is 77; allowed: that of an instance in play",
        ),
        ("POST", "/gm/instances/x/stop", 'the instance\'s id is "x"; allowed: that of an instance'),
        ("GET", "/nothing%0d%0a", 'the path is "/nothing\\r\\n"; allowed: one of those in /docs'),
        ("PUT", ORDERS, 'the method is "PUT"; allowed: POST'),
    ],
)
def test_a_name_or_a_limit_is_explained(method: str, path: str, expected: str) -> None:
    client = Client(max_books=1)
    assert detail(client(method, path)).startswith(expected)


@pytest.mark.parametrize(
    "headers, expected",
    [
        ({"Origin": "http://evil.example"}, 'Origin is "http://evil.example"; allowed: a page of'),
        ({"Sec-Fetch-Site": "cross-site"}, 'Sec-Fetch-Site is "cross-site"; allowed: same-origin'),
        (
            {"Host": "evil.example"},
            'Host is "evil.example"; allowed: an address, localhost, a name',
        ),
        ({"Host": "a b"}, 'Host is "a b"; allowed: a host name or an address, and a port'),
    ],
)
def test_who_asks_is_explained(headers: dict[str, str], expected: str) -> None:
    assert detail(Client()("GET", ORDERS, headers=headers)).startswith(expected)


def test_no_key_is_ever_told() -> None:
    client = Client(keys=KEYS)
    order = BUY | {"account": "BLSHBOTS"}
    assert detail(client("POST", ORDERS, order)).startswith("the key is missing; allowed: ")
    for key in ("noisekey", "secret"):
        found = detail(client("POST", ORDERS, order, {"X-Starfighter-Authorization": key}))
        assert found.startswith("the key is of no account or of another one; allowed: ")
        assert key not in found
    for path in ("/ob/api/ws/BLSHBOTS/venues/V/executions", "/nothing", "//ob/api"):
        found = detail(client("GET", f"/key/noisekey{path}"))
        assert found.startswith('the path is "/key/KEY') and "noisekey" not in found


def test_of_several_faults_the_first_in_the_order_of_refusals_is_told() -> None:
    client = Client(keys=KEYS, max_books=1)
    wrong: dict[str, Any] = {"venue": "W", "account": "A" * 256, "price": -1, "qty": True}
    other = ORDERS.replace("FOOBAR", "OTHER")
    key = {"X-Starfighter-Authorization": "blshkey"}
    found = [detail(client("POST", other, b"{"))]
    for path, mended in (
        (other, {}),
        (other, {"venue": "TESTEX"}),
        (ORDERS, {}),
        (ORDERS, {"account": "BLSHBOTS"}),
    ):
        wrong |= mended
        found.append(detail(client("POST", path, wrong)))
    for mended in (
        {},
        {"direction": "up"},
        {"orderType": "x"},
        {"qty": 0},
        {"direction": "buy"},
        {"orderType": "ioc"},
        {"qty": 1},
    ):
        wrong |= mended
        found.append(detail(client("POST", ORDERS, wrong, key)))
    assert [text.split(";")[0].split(":")[0].split(" is ")[0] for text in found] == [
        "the body",
        "venue",
        "1 books are open",
        "account",
        "the key",
        "direction",
        "orderType",
        "qty",
        "direction",
        "orderType",
        "qty",
        "price",
    ]


def test_an_answer_that_is_no_refusal_has_no_detail() -> None:
    client = Client()
    for answer in (client.order(), client("GET", "/docs"), client("GET", "/ob/api/heartbeat")):
        assert HEADER not in answer.headers


WEIRD = st.one_of(
    st.text(),
    st.text(st.sampled_from('\r\n\x00\x7f\x80\x85\u2028\ud800\udfff"\\: é\U0001f600')),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.recursive(
        st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
    ),
)


@examples(10)
@given(WEIRD)
def test_no_value_breaks_the_header(value: object) -> None:
    text = detail_header(detail_of("price", value, "a number"))
    assert text.isascii() and text.isprintable()
    said = json.loads(text)
    # Two halves of a character become a whole one, as in any JSON.
    assert said == json.loads(json.dumps(f"price is {shown(value)}; allowed: a number"))
    if isinstance(value, str) and len(value) > LONGEST_SHOWN:
        assert shown(value).endswith('"...')
        assert len(json.loads(shown(value).removesuffix("..."))) <= LONGEST_SHOWN


@examples(4)
@given(st.sampled_from(sorted(FIELD_NAMES)), WEIRD)
def test_no_value_that_is_posted_breaks_an_answer(field: str, value: object) -> None:
    client = Client()
    answer = client("POST", ORDERS, json.dumps(BUY | {field: value}).encode())
    if answer.status != 200:
        assert detail(answer)


def over_the_wire(request: bytes, **limits: float) -> RawAnswer:
    """The last answer of our own server to these bytes."""
    with serving(make_app(Client().services), **limits) as server, Peer(server.port) as peer:
        peer.send(request)
        return peer.answers()[-1]


@pytest.mark.parametrize(
    "request_, status, expected",
    [
        (post("/", b"x" * 65537), 413, "the body is 65537 bytes; allowed: at most 65536 bytes"),
        (chunked("/", b"x" * 65537), 413, "the body is 65537 bytes; allowed: at most 65536 bytes"),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 18 + b"\r\n\r\n",
            413,
            f"the body is {'9' * 18} bytes; allowed: at most 65536 bytes",
        ),
        (get("/" + "x" * 20000), 431, "the head is longer; allowed: at most 16384 bytes"),
        (b"GET / HTTP/7.1\r\n\r\n", 505, 'the protocol is "HTTP/7.1"; allowed: HTTP/1.1, HTTP/1.0'),
        (post("/", b"x", "Expect: tea")[:-1], 417, 'Expect is "tea"; allowed: 100-continue'),
        (b"GET / ", 408, "the head took longer; allowed: 0.2 seconds"),
        (post("/", b"xy")[:-1], 408, "the body took longer; allowed: 0.2 seconds"),
    ],
)
def test_the_servers_own_limits_are_explained(request_: bytes, status: int, expected: str) -> None:
    answer = over_the_wire(request_, head_seconds=0.2, body_seconds=0.2)
    assert answer.error[0] == status
    assert json.loads(answer.headers[HEADER.lower()]) == expected


def test_a_value_crosses_the_wire_and_the_next_answer_is_right() -> None:
    evil = json.dumps(BUY | {"direction": "\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\x7f\ud800"})
    with serving(make_app(Client().services)) as server, Peer(server.port) as peer:
        refused = peer.ask(post(ORDERS, evil.encode()))
        assert refused.error[0] == 400
        said = json.loads(refused.headers[HEADER.lower()])
        assert said.startswith('direction is "\\r\\nContent-Length: 0\\r\\n')
        assert peer.ask(post(ORDERS, json.dumps(BUY).encode())).status == 200
