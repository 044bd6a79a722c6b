"""The rules of a market on the front page, in a real browser, and in the documentation."""

from typing import Any

import pytest
from browser import Open, check_looks, set_look
from documents import ROOT
from wsgi import Client

from disorderbook.in_process import serve
from disorderbook.rules.file import rule_book

RULES: dict[str, Any] = {
    "market": {
        "position_limit": 1000,
        "largest_order": 500,
        "open_orders": 50,
        "band": 20,
        "start_price": 5000,
        "orders_per_second": 20,
        "self_trade": "cancel-newer",
        "taker_fee": 5,
        "maker_fee": -2,
        "tick_size": 5,
    },
    "venues": {
        "TESTEX": {"open_orders": 1, "stocks": {"FOOBAR": {"band": 5, "band_around": "start"}}},
        "`<b>`": {"stocks": {"*S*": {"maker_fee": 1}}},
    },
}


@pytest.mark.slow
def test_a_folded_line_says_what_holds_in_the_stock(open_url: Open) -> None:
    with serve(rules=RULES) as exchange:
        page = open_url(exchange.url)
        page.wait_for_selector("#rules:not([hidden])")
        short = page.inner_text("#rules-short")
        assert short == (
            "position ±1,000 · orders up to 500 · 1 open · prices ±5% · tick $0.05 · 20 a second · "
            "no own trades · fees 0.05% / −0.02%"
        )
        page.click("#rules summary")
        terms = page.locator("#rules-list dt").all_inner_texts()
        said = dict(zip(terms, page.locator("#rules-list dd").all_inner_texts(), strict=True))
        assert said["Price band"] == "within 5% of the start price, $50.00"
        assert said["Fees"].endswith("that of the order that stood is given 0.02%")
        assert len(said) == 8
        for screen, scheme in (("phone", "dark"), ("desktop", "light")):
            set_look(page, screen, scheme)
            check_looks(page, screen, scheme)


def test_without_rules_there_is_no_line(open_url: Open) -> None:
    with serve() as exchange:
        page = open_url(exchange.url)
        page.wait_for_selector("#start:not([hidden])")
        assert page.is_hidden("#rules")


def test_the_words_know_every_rule() -> None:
    script = (ROOT / "disorderbook" / "site" / "static" / "rules.js").read_text()
    told = Client(rules=rule_book(RULES))("GET", "/api/v1/server").json["rules"]
    for name in {name for entry in told for name in entry}:
        assert name in script, name


def test_the_documentation_has_the_rules_of_the_exchange_that_serves_it() -> None:
    page = Client(rules=rule_book(RULES))("GET", "/docs").body.decode()
    assert 'id="rules"' in page and 'href="#rules"' in page
    for cell in ("everywhere", "at TESTEX", "FOOBAR at TESTEX", "*S* at `&lt;b&gt;`"):
        assert f'<th scope="row">{cell}</th>' in page, cell
    assert "<td><code>makerFee</code></td><td>-2</td>" in page
    assert 'id="rules"' not in Client()("GET", "/docs").body.decode()
