"""The numbers of what is published, and what too much would be rendered for nothing."""

from collections import Counter

import pytest

from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder
from disorderbook.nats import messages
from disorderbook.nats.messages import Publications
from disorderbook.nats.queue import Losses
from disorderbook.protocol.messages import execution_message


def traded(book: OrderBook, fills: int = 1) -> list[Execution]:
    for _ in range(fills):
        book.submit(NewOrder("a", SELL, LIMIT, 10, 1), 0)
    return book.submit(NewOrder("b", BUY, LIMIT, 10, fills), 0).executions


def test_what_is_lost_takes_its_numbers_and_a_closed_book_none() -> None:
    book, publications = OrderBook("V", "S", 0), Publications()
    executions = traded(book)
    list(publications.trades(book, executions, has_executions=True))
    publications.lose(Losses(Counter({book: 5}), Counter({(book, "a"): 5})))
    trade, standing, incoming = publications.trades(book, executions, has_executions=True)
    numbers = [each.headers["Disorderbook-Sequence"] for each in (trade, standing, incoming)]
    assert numbers == ["7", "7", "2"] and trade.headers["Disorderbook-Trade"] == "7"
    assert publications.quote(book, book.quote()).headers["Disorderbook-Sequence"] == "8"
    publications.forget(book)
    again = publications.quote(book, book.quote()).headers  # as after a reset of the market
    assert again["Disorderbook-Sequence"] == "1"
    assert again["Disorderbook-Run"] != trade.headers["Disorderbook-Run"]


def test_a_new_book_in_the_place_of_an_old_one_goes_on_with_its_numbers() -> None:
    publications = Publications()
    for number in ("1", "2"):
        book = OrderBook("V", "S", 0)
        message = publications.quote(book, book.quote())
        assert message.headers["Disorderbook-Sequence"] == number


def test_an_execution_that_no_server_takes_is_not_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = []

    def render(*arguments: object) -> bytes:
        rendered.append(arguments)
        return execution_message(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(messages, "execution_message", render)
    book, publications = OrderBook("V", "S", 0), Publications()
    publications.most_bytes = 100 * messages.LEAST_FILL_BYTES
    made = list(publications.trades(book, traded(book, 150), has_executions=True))
    assert len(made) == 450 and len(rendered) == 250
    assert [each.loss for each in made].count(messages.TOO_LARGE) == 50


def test_a_fill_is_never_smaller_than_is_assumed() -> None:
    book = OrderBook("V", "S", 0)
    last = traded(book, 200)[-1]
    size = len(execution_message(last, last.incoming))
    assert size > 200 * messages.LEAST_FILL_BYTES


def test_the_headers_are_never_larger_than_is_assumed() -> None:
    book, publications = OrderBook("V", "S", 0), Publications()
    publications.lose(Losses(Counter({book: 10**18}), Counter()))
    trade = next(publications.trades(book, traded(book), has_executions=False))
    for headers in (trade.headers, publications.quote(book, book.quote(), 0).headers):
        text = "NATS/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        assert len(text) + 2 < messages.MOST_HEADER_BYTES
