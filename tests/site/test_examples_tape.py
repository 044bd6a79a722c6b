"""The websockets' section tells what a listener really hears."""

import json

from raw_websocket import RawPeer
from reading import Page
from recordings import masked
from tape_market import market, message

from disorderbook.engine.orders import Side
from disorderbook.site.documentation import render
from disorderbook.site.examples import (
    TAPE_ORIGIN,
    Setup,
    example_messages,
    socket_urls,
)
from disorderbook.tape.subscriptions import FORMS

SETUP = Setup("TESTEX", "FOOBAR", needs_keys=False, extra=False)


def test_the_messages_are_those_that_listeners_get() -> None:
    shown = example_messages(SETUP)
    tick, _, execution, _ = (path_of(url) for url, _ in socket_urls(SETUP))
    with (
        market() as live,
        live.peer(execution.replace("/ME/", "/BEN/")) as seller,
        live.peer(execution) as buyer,
        live.peer(tick) as ticker,
    ):
        live.order("BEN", Side.SELL, 40, 5010)
        live.order("ME", Side.BUY, 25, 5025)
        assert heard(seller) == without_times(shown.seller)
        assert heard(buyer) == without_times(shown.buyer)
        assert "last" not in heard(ticker)  # of the order that rested
        assert heard(ticker) == without_times(shown.tick)


def test_the_urls_are_the_four_that_there_are() -> None:
    names = Setup("VENUE", "SYMBOL", needs_keys=False, extra=False)
    urls = [path_of(url).replace("/ME/", "/ACCOUNT/") for url, _ in socket_urls(names)]
    assert urls == list(FORMS)
    odd = Setup("a/b", "<i>", needs_keys=False, extra=False)
    assert socket_urls(odd)[1][0].endswith("/venues/a%2Fb/tickertape/stocks/%3Ci%3E")


def test_the_section_shows_the_messages_in_their_order() -> None:
    section = Page(render("tape", SETUP)).root
    assert [json.loads(pre.text) for pre in section.all("pre")] == list(example_messages(SETUP))


def test_the_section_says_whether_keys_are_needed() -> None:
    assert "?api_key=KEY" not in Page(render("tape", SETUP)).root.text
    keyed = Page(render("tape", SETUP._replace(needs_keys=True))).root.text
    assert "?api_key=KEY" in keyed and "/ws/YOUR_ACCOUNT/venues/" in keyed


def test_the_section_names_the_other_port_that_takes_websockets() -> None:
    elsewhere = SETUP._replace(tape_port=9001)
    assert "port 9001" in render("tape", elsewhere) and "--wsport" in render("tape", SETUP)


def path_of(url: str) -> str:
    return url.removeprefix(TAPE_ORIGIN)


def heard(peer: RawPeer) -> str:
    return without_times(message(peer.frame()))


def without_times(told: object) -> str:
    return masked(json.dumps(told))
