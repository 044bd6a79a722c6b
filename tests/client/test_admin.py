"""The admin's client for programs."""

import pytest
from administered import KEY, STUDENTS

from disorderbook.client import AdminClient, Market, MarketClosed, Refused
from disorderbook.in_process import serve


def test_it_acts_and_says_what_was_refused() -> None:
    with serve(accounts=STUDENTS, admin_key=KEY) as exchange:
        with AdminClient(exchange.url, KEY) as admin:
            assert admin.do("open", venue="ROUND1", symbol="ACME", halted=True)["ok"] is True
            admin.do("announce", text="Hello")
            key = str(admin.do("add", account="CAROL", venue=None)["key"])
            assert admin.status()["accounts"] == ["ANN", "BOB", "CAROL"]
            told = admin.notices()
            assert told["announcement"]["text"] == "Hello"  # type: ignore[index]
            with Market("ROUND1", "ACME", "CAROL", key, exchange.url) as market:
                with pytest.raises(Refused, match="Trading in this stock is halted") as refusal:
                    market.buy(100, 1)
                assert refusal.value.detail == "the exchange's owner has halted it"
            with pytest.raises(Refused, match="There is no account of this name") as refusal:
                admin.do("expel", account="NOBODY")
            assert refusal.value.status == 404 and refusal.value.detail is not None
        with pytest.raises(MarketClosed):
            admin.status()
        with AdminClient(exchange.url, "annkey") as student:
            with pytest.raises(Refused, match="This needs the admin's key"):
                student.do("halt", venue="ROUND1")
