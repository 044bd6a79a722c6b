"""What an account has traded during an interruption is told once, in its order, or as a gap."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live import killed

from disorderbook.client import Execution, Listener, Market, Refused
from disorderbook.client.recovery import MissedExecutions
from disorderbook.client.results import Missed
from disorderbook.in_process import PrivateExchange, serve


def market_of(exchange: PrivateExchange) -> Market:
    return Market("TESTEX", "FOOBAR", "ME", url=exchange.url, tape_url=exchange.tape_url)


@pytest.fixture
def market(exchange: PrivateExchange) -> Iterator[Market]:
    with market_of(exchange) as market:
        yield market


def cut(stream: Any) -> None:
    """Have the connection of a listener end."""
    assert isinstance(stream, Listener)
    stream._wake()


def trade(market: Market, *prices: int) -> None:
    """An account trades with itself: two executions each."""
    for price in prices:
        market.sell(price, 1)
        market.buy(price, 1)


def told(stream: Iterator[Execution], number: int) -> list[tuple[int, str]]:
    return [(each.price, each.order.direction) for each in (next(stream) for _ in range(number))]


def both(*prices: int) -> list[tuple[int, str]]:
    return [(price, direction) for price in prices for direction in ("sell", "buy")]


@pytest.mark.parametrize("has_heard", [False, True])
def test_executions_that_were_missed_come_first(market: Market, has_heard: bool) -> None:
    stream = market.executions()
    if has_heard:
        trade(market, 1)
        assert told(stream, 2) == both(1)
    cut(stream)
    trade(market, 2, 3)
    assert told(stream, 1) == [(2, "sell")]  # it has connected anew
    trade(market, 4)
    assert told(stream, 5) == [(2, "buy"), *both(3, 4)]
    assert (stream.interruptions, stream.gaps) == (1, 0)


def test_half_of_what_one_order_has_traded_is_not_told_again(market: Market) -> None:
    stream = market.executions()
    for _ in range(3):
        market.sell(7, 1)
    market.buy(7, 3)
    live = [next(stream) for _ in range(3)]
    cut(stream)
    stream._connection = None  # type: ignore[attr-defined]  # with what had come over it
    rest = [next(stream) for _ in range(3)]
    stream.interruptions = 1
    orders = [(each.order.id, each.order.total_filled) for each in live + rest]
    assert orders == [(0, 1), (3, 1), (1, 1), (3, 2), (2, 1), (3, 3)] and stream.gaps == 0
    complete = [(each.standing_complete, each.incoming_complete) for each in rest]
    assert complete == [(True, False), (True, True), (True, True)]


def test_ticks_tell_a_gap(market: Market) -> None:
    heard: list[object] = []
    stream = market.ticks(on_gap=lambda: heard.append("gap"))
    market.buy(1, 1)
    heard.append(next(stream).bid)
    cut(stream)
    market.buy(2, 1)  # nobody hears of it
    stream._receive()  # type: ignore[attr-defined]
    stream._reconnect()  # type: ignore[attr-defined]
    market.buy(3, 1)
    heard.append(next(stream).bid)
    assert heard == [1, "gap", 3] and (stream.gaps, stream.interruptions) == (1, 1)


def test_an_exchange_that_goes_on_with_its_file_leaves_no_gap(tmp_path: Path) -> None:
    options = ("-w", "--wsport", "0", "-d", str(tmp_path / "market.db"))
    with killed(*options) as exchange:
        market = Market("TESTEX", "FOOBAR", "ME", url=f"http://127.0.0.1:{exchange.port}")
        stream = market.executions()
        trade(market, 1)
        assert told(stream, 1) == [(1, "sell")]
        cut(stream)
        stream._connection = None  # type: ignore[attr-defined]  # what came is lost, too
        trade(market, 2)
    with killed("-p", str(exchange.port), *options):
        trade(market, 3)
        assert told(stream, 5) == [(1, "buy"), *both(2, 3)]
        trade(market, 4)
        assert told(stream, 2) == both(4)
        assert stream.gaps == 0
        market.close()


def test_another_exchange_in_its_place_is_told_as_a_gap() -> None:
    gaps: list[str] = []
    with serve(websockets=True) as exchange:
        market = Market("TESTEX", "FOOBAR", "ME", url=exchange.url)
        stream = market.executions(on_gap=lambda: gaps.append("gap"))
        trade(market, 1)
        assert told(stream, 2) == both(1)
        port = exchange.port
    with serve(port=port, websockets=True):
        trade(market, 2)
        assert told(stream, 2) == both(2) and gaps == ["gap"] and stream.gaps == 1
        market.close()


ORDER = {
    "venue": "V",
    "symbol": "S",
    "direction": "buy",
    "originalQty": 9,
    "qty": 8,
    "price": 5,
    "orderType": "limit",
    "id": 3,
    "account": "ME",
    "ts": "",
    "totalFilled": 1,
    "open": True,
}


def message(at: str, fills: int = 1, order: int = 3) -> bytes:
    return json.dumps(
        {
            "ok": True,
            "account": "ME",
            "venue": "V",
            "symbol": "S",
            "order": ORDER | {"id": order, "fills": [{"price": 5, "qty": 1, "ts": at}] * fills},
            "standingId": 1,
            "incomingId": order,
            "price": 5,
            "filled": 1,
            "filledAt": at,
            "standingComplete": True,
            "incomingComplete": False,
        }
    ).encode()


def missed(ts: str, *found: bytes, complete: bool = True) -> Missed:
    reader = MissedExecutions(lambda since: Missed("", (), True))
    executions = [reader.pick(each, "") for each in found]
    return Missed(ts, tuple(each for each in executions if each is not None), complete)


class Answers:
    """An exchange that answers so, and what it was asked."""

    def __init__(self, *answers: Missed | Refused) -> None:
        self.asked: list[str | None] = []
        self._answers = iter(answers)

    def __call__(self, since: str | None) -> Missed:
        self.asked.append(since)
        answer = next(self._answers)
        if isinstance(answer, Refused):
            raise answer
        return answer


NO_PATH = Refused("No such path", 404)


def test_an_exchange_that_cannot_tell_leaves_a_gap_and_is_heard_all_the_same() -> None:
    answers = Answers(NO_PATH, NO_PATH, NO_PATH, NO_PATH)
    reading = MissedExecutions(answers)
    reading.begin()
    assert reading.recover() == ([], False)
    assert reading.pick(message("t5"), "") is not None
    assert reading.recover() == ([], False)
    assert reading.pick(message("t1"), "") is not None  # of whichever exchange that is
    assert answers.asked == [None, None, "t5", None]


def test_what_was_asked_for_and_heard_is_told_once() -> None:
    answers = Answers(missed("t0"), missed("t9", message("t1"), message("t2"), message("t2", 2)))
    reading = MissedExecutions(answers)
    reading.begin()
    assert reading.pick(message("t1"), "") is not None
    found, is_whole = reading.recover()
    assert [each.filled_at for each in found] == ["t2", "t2"] and is_whole
    heard = [reading.pick(each, "") for each in (message("t2"), message("t2", 2), message("t3"))]
    assert heard[:2] == [None, None] and heard[2] is not None and answers.asked == [None, "t1"]


def test_a_time_that_began_anew_is_a_gap_and_nothing_of_it_is_dropped() -> None:
    answers = Answers(missed("t5"), missed("t2", message("t1")), missed("t2"))
    reading = MissedExecutions(answers)
    reading.begin()
    assert reading.recover() == ([], False)
    assert reading.pick(message("t2"), "") is not None and answers.asked == [None, "t5", None]


def test_what_is_left_of_too_many_comes_behind_the_gap() -> None:
    reading = MissedExecutions(Answers(missed("t0"), missed("t9", message("t8"), complete=False)))
    reading.begin()
    found, is_whole = reading.recover()
    assert len(found) == 1 and not is_whole
