"""A route as the documentation shows it."""

from reading import Page

from disorderbook.site.description import (
    Description,
    RefusalEntry,
    common_refusals,
    description_text,
    refusals_of,
)
from disorderbook.site.documentation import render
from disorderbook.site.examples import Call, Setup

DESCRIPTION = Description(description_text(has_control=True))
OPERATIONS = {o.id: o for o in DESCRIPTION.operations()}
COMMON = set(common_refusals(OPERATIONS.values()))
SETUP = Setup("TESTEX", "FOOBAR", needs_keys=False, extra=False, has_control=True)


def article(name: str) -> Page:
    return Page(render("route", SETUP, operation=OPERATIONS[name]))


def test_every_refusal_of_a_route_is_shown_or_common() -> None:
    for name, operation in OPERATIONS.items():
        text = article(name).root.text
        for refusal in refusals_of(operation):
            assert refusal.status in text
            assert refusal in COMMON or refusal.sentence in text, (name, refusal)


def test_what_most_routes_refuse_is_common() -> None:
    assert {"413", "500", "503"} <= {refusal.status for refusal in COMMON}
    assert not any(refusal.status == "404" for refusal in COMMON)


def test_refusals_tell_status_sentence_and_reason() -> None:
    assert RefusalEntry("400", "Incoming data was not valid JSON", "The body is no JSON.") in (
        refusals_of(OPERATIONS["placeOrder"])
    )
    assert refusals_of(OPERATIONS["getScores"])[-1].status == "503"


def test_an_article_has_everything_about_its_route() -> None:
    page = article("placeOrder")
    root = page.ids["placeOrder"]
    assert root.first("h3").text == "POST /ob/api/venues/{venue}/stocks/{symbol}/orders"
    assert [h.text for h in root.all("h4")] == [
        "Parameters",
        "Body",
        "Answer",
        "Refusals",
        "Try it",
    ]
    assert len(list(root.all("div", "call"))) == 2 == len(list(root.all("pre", "example")))
    assert "fields: Order" in root.text and "orderType" in root.text


def test_a_route_without_parameters_says_nothing_of_them() -> None:
    headings = [h.text for h in article("heartbeat").root.all("h4")]
    assert headings == ["Answer", "Refusals", "Try it"]


def test_every_form_of_an_answer_is_shown() -> None:
    text = article("getScores").root.text
    for kind in ("200 text/html", "200 application/json", "200 text/csv"):
        assert kind in text


def test_a_line_stands_in_two_languages_and_has_a_name() -> None:
    call = Call("", "curl '<x>'", "200", "text/plain", "", "print('<x>')")
    block = Page(render("call", SETUP, call=call, name="GET /x")).root
    assert block.first("pre", "curl").text == "curl '<x>'"
    assert block.first("pre", "python").text == "print('<x>')"
    assert block.first("div", "call").attributes["data-name"] == "GET /x"
