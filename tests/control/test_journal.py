"""The journal of requests: both ways through the application write the same into it."""

import pytest
from wsgi import BUY, KEYS, ORDERS, Client

from disorderbook.api.app import MAX_BODY_SIZE, DirectBottle
from disorderbook.control import journal as journals
from disorderbook.control.journal import MOST_REFUSALS, ClientRequest, RequestJournal

STOCK = "/ob/api/venues/TESTEX/stocks/FOOBAR"
BY_BOTTLE = {"Origin": "http://127.0.0.1:8000"}  # keeps a request off the direct way


def journal_of(client: Client) -> RequestJournal:
    journal = client.services.journal
    assert journal is not None
    return journal


@pytest.fixture
def client() -> Client:
    return Client(extra=True, clock=lambda: 42, has_journal=True)


@pytest.mark.parametrize("headers", [{}, BY_BOTTLE], ids=["direct", "bottle"])
def test_a_request_is_in_the_journal_with_its_account_and_its_answer(
    client: Client, headers: dict[str, str]
) -> None:
    for method, path, body in [
        ("GET", "/ob/api/heartbeat", b""),
        ("POST", ORDERS, BUY),
        ("POST", ORDERS, BUY | {"qty": -1}),
        ("GET", "/ob/api/venues/TESTEX/accounts/B%C3%9CB/orders", b""),
        ("DELETE", f"{STOCK}/orders/77", b""),
        ("POST", ORDERS, b"[" * 5000),
    ]:
        client(method, path, body, headers)
    journal = journal_of(client)
    ok, placed, refused, listed, gone, bad = journal.requests()
    assert ok == ClientRequest(1, 42, "GET", "/ob/api/heartbeat", None, 200)
    assert placed == ClientRequest(2, 42, "POST", ORDERS, "ANN", 200)
    assert (refused.account, refused.status, refused.is_refused) == ("ANN", 400, True)
    assert refused.sentence == client.order(qty=-1).json["error"]
    assert refused.detail.startswith("qty is -1; allowed: ")
    assert (listed.account, listed.status) == ("B\\xdcB", 200)
    assert (gone.method, gone.status, gone.account) == ("DELETE", 404, None)
    assert (bad.status, bad.account) == (400, None)
    assert journal.refusals()[:3] == [refused, gone, bad]
    assert (journal.count, journal.refusal_count) == (7, 4)


def test_what_never_gets_to_a_handler_is_in_the_journal(client: Client) -> None:
    long = b" " * (MAX_BODY_SIZE + 1)
    asked = [("GET", "/nothing"), ("PUT", ORDERS), ("HEAD", "/nothing")]
    answers = [client(method, path) for method, path in asked] + [client("POST", ORDERS, long)]
    written = journal_of(client).requests()
    assert [each.status for each in written] == [404, 405, 404, 413]
    assert [each.sentence for each in written if each.method != "HEAD"] == [
        answer.error[1] for answer in answers if answer.body
    ]
    assert written[0].detail == 'the path is "/nothing"; allowed: one of those in /docs'


def test_an_answer_that_comes_later_is_in_the_journal_as_it_came(client: Client) -> None:
    for headers in ({}, BY_BOTTLE):
        assert client("POST", "/gm/levels/first_steps", b"", headers).status == 200
        assert client("POST", "/gm/levels/none", b"", headers).status == 404
    statuses = [(each.path, each.status) for each in journal_of(client).requests()]
    assert statuses == [("/gm/levels/first_steps", 200), ("/gm/levels/none", 404)] * 2


def test_pages_and_what_steers_the_exchange_are_left_out(client: Client) -> None:
    for site in ("same-origin", "cross-site"):
        client("GET", "/ob/api/venues", headers={"Sec-Fetch-Site": site})
    client("GET", "/api/v1/clock")
    client("POST", "/api/v1/clock", {"advance": 1})
    assert journal_of(client).count == 0


def test_no_key_gets_into_the_journal_and_its_account_does() -> None:
    client = Client(keys=KEYS, has_journal=True)
    key = KEYS["NOISEBOTS"]
    client("GET", f"{STOCK}/orders/3", headers={"X-Starfighter-Authorization": key})
    client("GET", f"/key/{key}/ob/api/heartbeat")
    client("GET", f"/ob/api/heartbeat?api_key={key}")
    written = journal_of(client).requests()
    assert [each.account for each in written] == ["NOISEBOTS", None, None]
    assert key not in repr(written)


def test_the_journal_keeps_the_newest_requests_and_the_first_refusals(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "MOST_REFUSALS", 3)
    monkeypatch.setattr(journals, "MOST_REQUESTS", 4)
    journal = RequestJournal(lambda: 1, client.services.accounts)
    for number in range(6):
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": f"/{number}" + "x" * 1000}
        journal.observe(journals.Answered(environ, b"", "404 Not Found", (), b"no JSON", 1.0))
    assert [each.path[:2] for each in journal.requests()] == ["/2", "/3", "/4", "/5"]
    assert [each.path[:2] for each in journal.refusals()] == ["/0", "/1", "/2"]
    assert (journal.count, journal.refusal_count) == (6, 6)
    assert max(len(each.path) for each in journal.requests()) < 300
    assert MOST_REFUSALS == 1000


def test_without_a_journal_a_request_goes_the_way_of_every_other() -> None:
    assert type(Client().app) is DirectBottle
