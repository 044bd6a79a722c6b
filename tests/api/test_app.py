"""The envelope: one shape for every refusal of every route, and nothing changes by one."""

import gzip
import json
import logging

import bottle
import pytest
from wsgi import BUY, KEYS, ORDERS, Answer, Client

from disorderbook.api.app import MAX_BODY_SIZE, PAGES, PAGES_BELOW, ROUTES

FILLED_IN = {
    "<venue>": "TESTEX",
    "<symbol>": "FOOBAR",
    "<account>": "ANN",
    "<order_id>": "0",
    "<instance_id>": "1",
    "<name>": "first_steps",
    "<file>": "page.js",
}
METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"]


def concrete(path: str) -> str:
    for name, value in FILLED_IN.items():
        path = path.replace(name, value)
    return path


PATHS = sorted({concrete(path) for _, path, _ in ROUTES})
PROGRAMS_PATHS = [path for path in PATHS if path.count("/") > 2]


def methods_of(path: str) -> set[str]:
    return {method for method, known, _ in ROUTES if concrete(known) == path}


def state(client: Client) -> tuple[object, ...]:
    """Everything that a refused request must not have changed."""
    venues = client("GET", "/ob/api/venues").json
    found = client.services.exchange.find_book("TESTEX", "FOOBAR")
    positions = [
        (p.account, p.cash, p.shares, p.lowest, p.highest) for p in found.positions.values()
    ]
    next_id = next(number for number in range(10**6) if found.find(number) is None)
    levels = [
        [(order.id, order.remaining) for order in level.orders.values()]
        for ladder in (found.bids, found.asks)
        for level in ladder
    ]
    return venues, found.quote(), positions, next_id, levels


@pytest.fixture
def client() -> Client:
    return traded_at()


@pytest.fixture(scope="module")
def refusing() -> Client:
    """One for all tests of what changes nothing, by which one that does would be found."""
    return traded_at()


def traded_at() -> Client:
    """An exchange with a resting order and a trade, and a level in play."""
    client = Client(extra=True)
    assert client.order().status == 200
    assert client.order(account="BOB", direction="sell", qty=4).status == 200
    assert client("POST", "/gm/levels/first_steps").status == 200
    return client


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_method_is_405_with_allow__difference_2(refusing: Client, path: str) -> None:
    before = state(refusing)
    allowed = methods_of(path)
    for method in set(METHODS) - allowed:
        answer = refusing(method, path, BUY)
        assert answer.error == (405, "That path does not take this method (see Allow)")
        expected = allowed | ({"HEAD"} if "GET" in allowed else set())
        assert set(answer.headers["Allow"].split(",")) == expected
    assert state(refusing) == before


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/ob",
        "/ob/api/nothing",
        "/ob/api/venues/TESTEX/nothing",
        "/gm/nothing",
        "/ob/api/venues/TESTEX/stocks/FOOBAR/orders/0/cancel/now",
        "/ob/api/venues/%FFTESTEX/stocks",
    ],
)
def test_an_unknown_path_is_404__difference_2(refusing: Client, path: str) -> None:
    assert refusing("GET", path).error == (404, "No such path")


CHANGING = ("/metrics", "/api/v1/instances/1")  # their lengths, by themselves


@pytest.mark.parametrize("path", [path for path in PATHS if path not in CHANGING])
def test_a_head_is_a_get_without_body__difference_14(client: Client, path: str) -> None:
    if "GET" in methods_of(path):
        answer, full = client("HEAD", path), client("GET", path)
        assert (answer.status, answer.body) == (full.status, b"")
        assert answer.headers["Content-Length"] == str(len(full.body))


@pytest.mark.parametrize("path", [path for path in PATHS if len(path) > 1])
def test_stray_slashes_are_forgiven__differences_14_and_24(refusing: Client, path: str) -> None:
    for method in methods_of(path) & {"GET"}:
        expected = refusing(method, path)
        for stray in (
            f"/{path}",
            f"{path}/",
            f"//{path}//",
            path.replace("/", "//"),
            path.replace("/", "/////"),
            path.replace("/", "%2F/"),
        ):
            answer = refusing(method, stray)
            assert (answer.status, answer.type) == (expected.status, expected.type)


@pytest.mark.parametrize("method, path", [(m, concrete(p)) for m, p, _ in ROUTES])
def test_a_body_that_is_too_large_is_413__difference_2(
    refusing: Client, method: str, path: str
) -> None:
    before = state(refusing)
    sentence = "The body of a request is at most 65536 bytes"
    assert refusing(method, path, b" " * (MAX_BODY_SIZE + 1)).error == (413, sentence)
    assert state(refusing) == before


@pytest.mark.parametrize("path", [*PATHS, "/nothing"])
def test_every_json_answer_ends_with_one_line_break__difference_20(
    client: Client, path: str
) -> None:
    for method in METHODS:
        answers = [
            client(method, path, BUY),
            client(method, path, b"{"),
            client(method, f"/{path}", BUY),
            client(method, path, headers={"Origin": "null"}),
            client(method, path, b" " * 65537),
        ]
        for answer in answers:
            if answer.type == "application/json":
                assert answer.body.endswith(b"}\n") and not answer.body.endswith(b"\n\n")
                assert answer.headers["Content-Length"] == str(len(answer.body))


def test_an_order_may_have_doubled_slashes_anywhere__difference_24(client: Client) -> None:
    placed = client("POST", ORDERS.replace("/", "//"), BUY)
    assert placed.status == 200
    path = f"{ORDERS}/{placed.json['id']}".replace("/stocks/", "///stocks//")
    assert client("DELETE", path).json["open"] is False


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "identity, gzip", "x"])
def test_a_packed_body_is_415(refusing: Client, encoding: str) -> None:
    before = state(refusing)
    sentence = "The body of a request must be plain: no Content-Encoding is understood"
    packed = gzip.compress(json.dumps(BUY).encode())
    answer = refusing("POST", ORDERS, packed, {"Content-Encoding": encoding})
    assert answer.error == (415, sentence)
    told = json.loads(answer.headers["X-Error-Detail"])
    assert told.startswith(f'Content-Encoding is "{encoding}"')
    assert state(refusing) == before


@pytest.mark.parametrize("encoding", ["identity", "", " Identity "])
def test_a_body_that_is_said_to_be_plain_is_read(client: Client, encoding: str) -> None:
    assert client("POST", ORDERS, BUY, {"Content-Encoding": encoding}).status == 200


def test_a_packed_body_that_nobody_reads_is_ignored(client: Client) -> None:
    headers = {"Content-Encoding": "gzip"}
    assert client("GET", "/ob/api/venues", b"packed", headers).status == 200
    assert client("POST", ORDERS, b"", headers).error[0] == 400, "there is no body to be packed"


UNOPENED = "/ob/api/venues/NEW/stocks/NEW"
NO_KEYS: list[dict[str, str]] = [
    {},
    {"X-Starfighter-Authorization": "wrong"},
    {"Cookie": "api_key=x"},
]


@pytest.mark.parametrize("headers", NO_KEYS)
def test_without_a_valid_key_nothing_opens_a_book__difference_23(headers: dict[str, str]) -> None:
    client = Client(keys=KEYS)
    book = client("GET", UNOPENED, headers=headers)
    assert (book.status, book.json["bids"], book.json["asks"]) == (200, [], [])
    quote = client("GET", f"{UNOPENED}/quote", headers=headers)
    assert quote.json.keys() == Client()("GET", f"{UNOPENED}/quote").json.keys()
    for method, path in (("GET", "/0"), ("DELETE", "/0"), ("POST", "/0/cancel")):
        answer = client(method, f"{UNOPENED}/orders{path}", headers=headers)
        assert answer.error == (404, "No such order for that Exchange + Symbol combo")
        opened = Client()(method, f"{UNOPENED}/orders{path}", headers=headers)
        assert answer.headers == opened.headers, "nothing tells that there is no book"
    for account in ("BLSHBOTS", "ANYBODY"):
        order = {"account": account}
        assert client("POST", f"{UNOPENED}/orders", BUY | order, headers).error[0] == 401
    assert client.services.exchange.find_book("NEW", "NEW") is None
    assert [v["venue"] for v in client("GET", "/ob/api/venues").json["venues"]] == ["TESTEX"]


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", ""),
        ("GET", "/quote"),
        ("GET", "/orders/0"),
        ("DELETE", "/orders/0"),
        ("POST", "/orders/0/cancel"),
        ("POST", "/orders"),
    ],
)
def test_with_the_key_of_any_account_they_do__difference_23(method: str, path: str) -> None:
    client = Client(keys=KEYS)
    key = {"X-Starfighter-Authorization": "noisekey"}
    client(method, f"{UNOPENED}{path}", BUY | {"account": "BLSHBOTS"}, key)
    assert client.services.exchange.find_book("NEW", "NEW") is not None


def test_a_full_exchange_is_told_before_a_key_is_asked_for__difference_23() -> None:
    client = Client(keys=KEYS, max_books=1)
    assert client("POST", f"{UNOPENED}/orders", BUY).error[1].startswith("Book limit exceeded!")
    assert client("GET", UNOPENED).json["bids"] == [], "what is not opened needs no room"


def test_a_body_of_just_the_limit_is_read(client: Client) -> None:
    body = json.dumps(BUY).encode().ljust(MAX_BODY_SIZE)
    assert client("POST", ORDERS, body).status == 200


@pytest.mark.parametrize("path", PATHS)
def test_another_websites_request_is_403__difference_19(refusing: Client, path: str) -> None:
    before = state(refusing)
    for method in METHODS:
        answer = refusing(method, path, BUY, {"Origin": "http://evil.example"})
        sentence = "Requests from other websites are refused (see the Origin header)"
        assert answer.error == (403, sentence)
    assert state(refusing) == before


def test_even_an_unknown_path_is_403_to_another_website__difference_19(refusing: Client) -> None:
    assert refusing("GET", "/nothing", headers={"Origin": "null"}).error[0] == 403


def test_the_servers_own_page_may_trade__difference_19() -> None:
    client = Client(allowed_hosts=["trade.example"])
    own = {"Origin": "https://trade.example", "Host": "trade.example"}
    assert client("POST", ORDERS, BUY, own).status == 200


def test_a_page_of_this_machine_may_trade__difference_19(client: Client) -> None:
    answer = client("POST", ORDERS, BUY, {"Origin": "http://localhost:3000"})
    assert answer.status == 200


@pytest.mark.parametrize("path", PATHS)
def test_what_another_site_asks_for_is_403__difference_22(refusing: Client, path: str) -> None:
    before = state(refusing)
    sentence = "Requests from other websites are refused (see the Sec-Fetch-Site header)"
    for method in METHODS:
        for site in ("cross-site", "Cross-Site", "none, cross-site"):
            image = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
            assert refusing(method, path, BUY, image).error == (403, sentence)
    assert refusing("GET", "/nothing", headers={"Sec-Fetch-Site": "cross-site"}).error[0] == 403
    assert state(refusing) == before


def test_another_sites_image_opens_no_book__difference_22(refusing: Client) -> None:
    refusing("GET", "/ob/api/venues/NEW/stocks/NEW", headers={"Sec-Fetch-Site": "cross-site"})
    assert refusing.services.exchange.find_book("NEW", "NEW") is None


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none", "anything"])
def test_whatever_is_not_cross_site_may_ask__difference_22(client: Client, site: str) -> None:
    assert client("POST", ORDERS, BUY, {"Sec-Fetch-Site": site}).status == 200


def test_a_page_of_this_machine_is_no_other_site__difference_22(client: Client) -> None:
    """A browser calls http://localhost:3000 and http://127.0.0.1:8000 two sites."""
    headers = {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "cross-site"}
    assert client("POST", ORDERS, BUY, headers).status == 200


VISIT = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize("path", PATHS + [f"{page}/" for page in sorted(PAGES)])
def test_a_link_to_a_page_for_people_works__difference_22(refusing: Client, path: str) -> None:
    is_page = (path.rstrip("/") or "/") in PAGES or path.startswith(PAGES_BELOW)
    answer = refusing("GET", path, headers=VISIT)
    assert answer.status == (200 if is_page else 403)
    if is_page:
        assert answer.type == "text/html"
        assert refusing("POST", path, headers=VISIT).status == 403
        for headers in ({"Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Mode": "no-cors"}):
            assert refusing("GET", path, headers=VISIT | headers).status == 403


OWN_NAMES = [
    "localhost",
    "app.localhost:8000",
    "LOCALHOST.",
    "127.0.0.1:8000",
    "10.1.2.3",
    "127.1",
    "[::1]:8000",
    "[2001:db8::1]",
    "trade.example",
    "TRADE.example.:443",
]


@pytest.mark.parametrize("host", OWN_NAMES)
def test_an_exchange_is_called_by_its_address_or_a_name_of_its_own__difference_30(
    host: str,
) -> None:
    client = Client(allowed_hosts=["Trade.Example"])
    for _ in range(2):  # the second time the answer is remembered
        assert client("POST", ORDERS, BUY, {"Host": host}).status == 200


@pytest.mark.parametrize("path", PATHS)
def test_another_name_is_403__difference_30(refusing: Client, path: str) -> None:
    before = state(refusing)
    sentence = "This exchange is not called so (start it with --allowed-host NAME if it is)"
    for host in ("evil.example:8000", "localhost.evil.example", "a", "1.2.3.x"):
        for headers in ({}, {"Origin": f"http://{host}"}, {"Sec-Fetch-Site": "same-origin"}):
            for method in METHODS:
                answer = refusing(method, path, BUY, {"Host": host, **headers})
                assert answer.error == (403, sentence)
    assert state(refusing) == before


@pytest.mark.parametrize(
    "host",
    [
        "",
        "a b",
        "a/b",
        "a@b",
        "a:b",
        "127.0.0.1:65536",
        "[::1",
        "[::g]",
        "::1",
        "a:1:2",
        "\xe9",
        "a?",
        "a#b",
        "[::1]x",
        "a\\b",
        ".",
        "127.0.0.1, 127.0.0.1",
        "[1.2.3.4]",
    ],
)
def test_a_malformed_host_is_400__difference_29(refusing: Client, host: str) -> None:
    sentence = "The Host header is neither a name nor an address"
    for path in ("/", ORDERS, "/nothing"):
        assert refusing("GET", path, headers={"Host": host}).error == (400, sentence)


@pytest.mark.parametrize("length", ["", "-5", "x", "²"])
def test_a_length_that_is_none_means_no_body(refusing: Client, length: str) -> None:
    assert refusing("POST", ORDERS, BUY, CONTENT_LENGTH=length).error[0] == 400


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"qty": NaN}', b"\xff\xfe", b"null"])
def test_a_bad_body_is_400_where_a_body_is_read(refusing: Client, body: bytes) -> None:
    before = state(refusing)
    assert refusing("POST", ORDERS, body).error[0] == 400
    assert state(refusing) == before


@pytest.mark.parametrize(
    "method, path",
    [
        (method, concrete(path))
        for method, path, _ in ROUTES
        if not path.endswith(("/orders", "/judge"))
        # The one reads a body, the other needs a parameter.
        and (method, path) != ("POST", "/api/v1/clock")
        and not path.endswith("/history")
    ],
)
def test_a_body_is_ignored_where_none_is_read__difference_14(
    client: Client, method: str, path: str
) -> None:
    assert client(method, path, b"{nonsense").status == 200


@pytest.mark.parametrize(
    "order_id",
    [
        "abc",
        "1.0",
        "0x0",
        "",
        "1_0",
        "٠",
        "-",
        "99",
        "-1",
        "9" * 3000,
        "1e3",
        "null",
        "%00",
    ],
)
def test_a_bad_order_id_is_404__difference_3(refusing: Client, order_id: str) -> None:
    before = state(refusing)
    sentence = "No such order for that Exchange + Symbol combo"
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/cancel")):
        answer = refusing(method, f"{ORDERS}/{order_id}{path}")
        if order_id:
            assert answer.error == (404, sentence)
        else:
            assert answer.error[0] in (404, 405)
    assert state(refusing) == before


def test_a_bad_order_id_opens_no_book__difference_3(client: Client) -> None:
    client("GET", "/ob/api/venues/NEW/stocks/NEW/orders/abc")
    assert client.services.exchange.find_book("NEW", "NEW") is None


@pytest.mark.parametrize(
    "path",
    [
        "/ob/api/venues/{}",
        "/ob/api/venues/{}/heartbeat",
        "/ob/api/venues/{}/stocks",
        "/ob/api/venues/{}/stocks/S",
        "/ob/api/venues/V/stocks/{}",
        "/ob/api/venues/V/stocks/{}/quote",
        "/ob/api/venues/V/stocks/{}/scores",
        "/ob/api/venues/{}/stocks/S/orders/0",
        "/ob/api/venues/V/accounts/{}/orders",
        "/ob/api/venues/V/accounts/A/stocks/{}/orders",
    ],
)
def test_a_long_name_is_400__difference_18(refusing: Client, path: str) -> None:
    before = state(refusing)
    sentence = "Venue, symbol and account names are at most 255 characters"
    assert refusing("GET", path.format("N" * 256)).error == (400, sentence)
    assert refusing("GET", path.format("N" * 255)).status != 400
    if "/V/" not in path and "/S" not in path:
        assert state(refusing) == before


def test_a_name_is_measured_in_characters__difference_18(client: Client) -> None:
    name = "%CE%A9" * 255
    assert client("GET", f"/ob/api/venues/V/stocks/{name}").json["symbol"] == "Ω" * 255


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Starfighter-Authorization": "blshkey"},
        {"X-Stockfighter-Authorization": "blshkey"},
        {"Cookie": "api_key=blshkey"},
        {"Cookie": 'theme=dark; api_key="blshkey"'},
        {"Cookie": "a/b=1; []=2; api_key=blshkey"},
        {"X-Starfighter-Authorization": "", "Cookie": "api_key=blshkey"},
        {"X-Starfighter-Authorization": "blshkey", "X-Stockfighter-Authorization": "wrong"},
        {"X-Stockfighter-Authorization": "blshkey", "Cookie": "api_key=wrong"},
    ],
)
def test_the_key_is_read_from_three_places__difference_9(headers: dict[str, str]) -> None:
    answer = Client(keys=KEYS)("POST", ORDERS, BUY | {"account": "BLSHBOTS"}, headers)
    assert answer.status == 200


@pytest.mark.parametrize("headers", [{}, {"Cookie": "theme=dark"}, {"Cookie": "a/b,=1;\x01=;"}])
def test_no_key_is_401__difference_9(headers: dict[str, str]) -> None:
    client = Client(keys=KEYS)
    before = state(client)
    sentence = "Server is in +authentication mode but no API key was received"
    answer = client("POST", ORDERS, BUY | {"account": "BLSHBOTS"}, headers)
    assert answer.error == (401, sentence)
    assert state(client) == before


def test_a_key_may_be_any_text() -> None:
    client = Client(keys={"ZOË": "schlüssel"})
    headers = {"X-Starfighter-Authorization": "schlüssel".encode().decode("latin-1")}
    assert client("POST", ORDERS, BUY | {"account": "ZOË"}, headers).status == 200


def test_our_own_fault_is_500_and_its_traceback_stays_here__difference_2(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    del client.services.exchange._venues["TESTEX"]["FOOBAR"].bids
    with caplog.at_level(logging.ERROR):
        answer = client("GET", "/ob/api/venues/TESTEX/stocks/FOOBAR")
    assert answer.error[0] == 500 and "Traceback" not in answer.body.decode()
    assert "AttributeError" in caplog.text
    assert client("GET", "/ob/api/heartbeat").status == 200, "the turn was not given back"


def test_the_order_of_refusals() -> None:
    client = Client(keys=KEYS, max_books=1)
    full = ORDERS.replace("FOOBAR", "OTHER")
    key = {"X-Starfighter-Authorization": "blshkey"}

    def sentence(path: str, body: object, headers: dict[str, str]) -> str:
        answer: Answer = client("POST", path, body, headers)
        return answer.error[1]

    wrong = {"venue": "W", "price": -1, "qty": True, "direction": "hold"}
    assert sentence(full, b"{", {}) == "Incoming data was not valid JSON"
    assert sentence(full, wrong, {}) == "Incoming POST data disagreed with request URL"
    wrong["venue"] = "TESTEX"
    assert sentence(full, wrong, {}).startswith("Book limit exceeded!")
    assert sentence(ORDERS, wrong, {}) == "Incoming POST was missing required field"
    wrong["account"] = "BLSHBOTS"
    assert sentence(ORDERS, wrong, {}).startswith("Server is in +authentication mode")
    assert sentence(ORDERS, wrong, key) == "Incoming POST was missing required field"
    wrong["orderType"] = "limit"
    assert sentence(ORDERS, wrong, key) == "A value in the POST had the wrong type"
    wrong["qty"] = 1
    assert sentence(ORDERS, wrong, key).startswith("Illegal value")


def test_the_patterns_of_the_routes_are_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    of_bottle = bottle.Router._compile

    def compile(router: bottle.Router, method: str) -> None:
        compiled.append(method)
        of_bottle(router, method)

    monkeypatch.setattr(bottle.Router, "_compile", compile)
    Client()
    assert "GET" in compiled and len(compiled) == len(set(compiled))
