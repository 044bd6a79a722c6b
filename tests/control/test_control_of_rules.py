"""A market is restored and reset with all that its rules and the admin bring: rates, usages,
halts, settlements, marks, notices, frozen scores, values over time.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from administered import ADMIN, KEY, keyed
from controlled_market import MAY_DIFFER, Assembled
from object_graph import description, differences
from wsgi import BUY, ORDERS

from disorderbook.accounts import Accounts
from disorderbook.assembly import MarketSettings, assemble
from disorderbook.control.control import Restorable
from disorderbook.marketdata.mark import Mark
from disorderbook.rules.file import rule_book
from disorderbook.timeline.clock import clock_settings

RULES = {
    "position_limit": 60,
    "largest_order": 50,
    "open_orders": 4,
    "band": 20,
    "start_price": 5000,
    "orders_per_second": 5,
    "self_trade": "cancel-older",
    "taker_fee": 10,
    "maker_fee": -3,
    "tick_size": 5,
}
ANNE, BERT = "\N{OHM SIGN}" * 255, "<b>"


@contextmanager
def market() -> Iterator[Assembled]:
    settings = MarketSettings(
        extra=True,
        clock=clock_settings("stepped"),
        has_control=True,
        admin_key=KEY,
        rules=rule_book({"market": RULES}),
        mark=Mark.BAND,
    )
    with assemble(settings, Accounts()) as services:
        yield Assembled(services)


def first_acts(client: Assembled) -> list[object]:
    """Every rule and every action has left something."""
    told: list[object] = []

    def order(account: str, direction: str, price: int, qty: int, symbol: str = "FOOBAR") -> None:
        body = BUY | {"account": account, "direction": direction, "price": price, "qty": qty}
        answer = client("POST", ORDERS.replace("FOOBAR", symbol), body)
        told.append((answer.status, answer.body, answer.headers.get("X-Error-Detail")))

    def admin(action: str, **fields: object) -> None:
        answer = client("POST", f"{ADMIN}/{action}", {"venue": "TESTEX", **fields}, keyed(KEY))
        told.append((answer.status, answer.body))

    for symbol in ("FOOBAR", "HALTED", "SETTLED"):
        order(ANNE, "sell", 5000, 20, symbol)
        order(BERT, "buy", 5000, 30, symbol)
        order(BERT, "sell", 5000, 5, symbol)
    for price in (5900, 5990, 5995, 6000, 9000):
        order(ANNE, "sell", price, 1)
        order(BERT, "buy", price, 1)
    client.advance(2.5)
    admin("halt", symbol="HALTED", reason="lunch")
    admin("settle", symbol="SETTLED", price=4000)
    admin("freeze")
    for number in range(4):
        order(BERT, "buy", 4900 - 5 * number, 1)
    client("POST", f"{ADMIN}/announce", {"text": "Hello"}, keyed(KEY))
    client("POST", f"{ADMIN}/countdown", {"seconds": 100, "text": "left"}, keyed(KEY))
    return told


def then(client: Assembled) -> list[object]:
    """What follows from what was before, and what everybody is told of it."""
    told = []
    for _ in range(2):
        for account in (ANNE, BERT):
            for direction in ("buy", "sell"):
                for symbol in ("FOOBAR", "HALTED", "SETTLED"):
                    body = BUY | {"account": account, "direction": direction, "price": 5995}
                    answer = client("POST", ORDERS.replace("FOOBAR", symbol), body | {"qty": 40})
                    told.append((answer.status, answer.body, answer.headers.get("X-Error-Detail")))
        client.advance(3)
    scores = "/api/v1/venues/TESTEX/scores"
    stock = "/api/v1/venues/TESTEX/stocks/FOOBAR"
    paths = (
        *(scores, f"{scores}?over=time", "/api/v1/notices", f"{stock}/scores", f"{stock}/trades"),
        "/api/v1/venues/TESTEX/accounts/<b>",
        *(f"{ORDERS.removesuffix('/orders')}{rest}" for rest in ("", "/quote", "/scores")),
    )
    for key in (None, KEY):
        for path in paths:
            answer = client("GET", path, b"", {} if key is None else keyed(key))
            told.append((path, answer.status, answer.body))
    return told


def seen(client: Assembled) -> dict[str, str]:
    """All that a snapshot has, and a new market has not."""
    for part in client.services.control.parts:
        if not isinstance(part, Restorable):
            part.reset(None)
    for venue in client.services.exchange.venues():
        for book in client.services.exchange.books(venue):
            book.bids.view = book.asks.view = None
    left_out = (*MAY_DIFFER, ".app.", "journal", "_snapshots", "timeline._target", "actions.record")
    found = description(client)
    return {p: v for p, v in found.items() if not any(name in p for name in left_out)}


def test_a_snapshot_brings_all_of_it_back() -> None:
    with market() as used:
        first_acts(used)
        saved = seen(used)
        control = used.services.control
        with used.services.exchange.lock:
            control.snapshot("here")
        expected = then(used)
        for _ in range(2):
            with used.services.exchange.lock:
                control.restore("here")
            assert differences(saved, seen(used)) == []
            assert then(used) == expected


def test_a_reset_begins_all_of_it_anew() -> None:
    with market() as used, market() as fresh:
        new = seen(fresh)
        expected = first_acts(used), then(used)
        statuses = {status for status, *_ in expected[0]} | {each[0] for each in expected[1][:24]}
        assert statuses == {200, 400, 403, 429}
        used.reset()
        assert differences(new, seen(used)) == []
        assert (first_acts(used), then(used)) == expected
