"""The worked examples of the order types, verified by the engine and over the wire."""

import pytest
from reading import Page
from wsgi import ORDERS, Client

from disorderbook.engine.orders import OrderType
from disorderbook.site.documentation import render
from disorderbook.site.examples import (
    OFFERS,
    ORDER_TYPES,
    Example,
    Explained,
    Setup,
    dollars,
    outcome,
    posted,
)

SETUP = Setup("TESTEX", "FOOBAR", needs_keys=False, extra=False)
WORKED = [(kind, example) for kind in ORDER_TYPES for example in kind.examples]


@pytest.mark.parametrize("kind, example", WORKED, ids=lambda x: getattr(x, "shows", ""))
def test_the_engine_does_what_the_example_says(kind: Explained, example: Example) -> None:
    client = Client()
    for offer in OFFERS:
        client.order(account=offer.account, direction="sell", qty=offer.quantity, price=offer.price)
    order = client("POST", ORDERS, posted(kind, example)).json
    assert order["fills"] == [
        {"price": offer.price, "qty": offer.quantity, "ts": order["ts"]} for offer in example.buys
    ]
    assert order["qty"] == example.rests and order["open"] is bool(example.rests)
    sold = {offer.account: 0 for offer in OFFERS}
    for offer in example.buys:
        sold[offer.account] += offer.quantity
    for number, offer in enumerate(OFFERS):
        standing = client("GET", f"{ORDERS}/{number}").json
        assert standing["account"] == offer.account
        assert standing["totalFilled"] == sold[offer.account]
    bids = client("GET", ORDERS.removesuffix("/orders")).json["bids"]
    assert [(row["price"], row["qty"]) for row in bids] == (
        [(example.price, example.rests)] if example.rests else []
    )


def test_the_short_names_mean_the_same() -> None:
    for kind, example in WORKED:
        if kind.short:
            answer = Client().order(**posted(kind, example) | {"orderType": kind.short}).json
            assert answer["orderType"] == posted(kind, example)["orderType"]


def test_every_order_type_is_explained() -> None:
    assert [kind.type for kind in ORDER_TYPES] == list(OrderType)
    assert all(kind.examples for kind in ORDER_TYPES)


def test_outcomes_are_told_in_words() -> None:
    told = [outcome(example) for _, example in WORKED]
    assert told[0] == (
        "You buy 40 from BEN at 50.10, 20 from CAT at 50.10 and 30 from DAN at 50.25. "
        "The other 10 wait in the book as your bid of 50.25."
    )
    assert told[1] == "You buy nothing. All 100 wait in the book as your bid of 50.00."
    assert told[2].endswith("10 from DAN at 50.25. That is all you wanted: the order is closed.")
    assert told[5] == "You buy nothing. All 61 are dropped: the order is closed."
    assert told[6].endswith("The other 40 are dropped: the order is closed.")


def test_the_section_shows_every_example() -> None:
    section = Page(render("order_types", SETUP)).root
    assert [p.text for p in section.all("p", "outcome")] == [outcome(e) for _, e in WORKED]
    assert [article.attributes["id"] for article in section.all("article")] == [
        "order-type-limit",
        "order-type-market",
        "order-type-fill-or-kill",
        "order-type-immediate-or-cancel",
    ]


def test_prices_are_dollars_and_cents() -> None:
    assert [dollars(cents) for cents in (0, 5, 5010)] == ["0.00", "0.05", "50.10"]
