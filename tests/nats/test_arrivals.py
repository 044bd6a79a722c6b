"""What waits between NATS and the listeners: bounded, conflated, and with its gaps noted."""

import pytest

from disorderbook.nats import arrivals
from disorderbook.nats.arrivals import Arrivals, ExecutionArrival, Gap
from disorderbook.tape.poller import Waker
from disorderbook.tape.subscriptions import Subscription

TICKS = Subscription(None, "V", None)
ANN, BOB = Subscription("ANN", "V", None), Subscription("BOB", "V", "S")


@pytest.fixture
def waiting() -> Arrivals:
    return Arrivals(Waker())


def quotes(waiting: Arrivals) -> list[tuple[str, bytes]]:
    return [(subject, payload) for (_, subject), payload in waiting.quotes()]


def test_quotes_that_do_not_wait_long_are_all_told_in_their_order(waiting: Arrivals) -> None:
    for number in range(arrivals.MANY_QUOTES):
        waiting.add_quote(TICKS, "S", b"%d" % number)
    assert quotes(waiting) == [("S", b"%d" % number) for number in range(arrivals.MANY_QUOTES)]
    assert waiting.conflated == 0 and not len(waiting)


def test_of_many_quotes_the_newest_of_each_book_is_kept(
    waiting: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "MANY_QUOTES", 3)
    for number, subject in enumerate("ABCBDB"):
        waiting.add_quote(TICKS, subject, b"%d" % number)
    assert quotes(waiting) == [("A", b"0"), ("C", b"2"), ("D", b"4"), ("B", b"5")]
    assert waiting.conflated == 2


def test_a_conflated_quote_of_one_subscription_replaces_none_of_another(
    waiting: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "MANY_QUOTES", 0)
    for wanted in (TICKS, Subscription(None, "V", "S")):
        waiting.add_quote(wanted, "S", b"1")
    assert len(waiting.quotes()) == 2


def test_there_are_no_more_quotes_than_may_be(
    waiting: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "MANY_QUOTES", 1)
    monkeypatch.setattr(arrivals, "MAX_QUOTES", 2)
    for subject in "ABCD":
        waiting.add_quote(TICKS, subject, b"")
    assert [subject for subject, _ in quotes(waiting)] == ["A", "C", "D"]


def test_quotes_that_wait_are_bounded_by_their_bytes(
    waiting: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "MANY_QUOTES", 0)
    monkeypatch.setattr(arrivals, "MAX_BYTES", 30)
    for subject in "ABCACD":
        waiting.add_quote(TICKS, subject, b"123456789")
    assert [subject for subject, _ in quotes(waiting)] == ["A", "C", "D"]
    waiting.add_quote(TICKS, "E" * 30, b"1")
    assert not len(waiting) and not waiting._latest_bytes


def test_executions_come_in_pieces_and_before_quotes(waiting: Arrivals) -> None:
    waiting.add_quote(TICKS, "S", b"tick")
    for payload in (b"12345", b"678", b"9"):
        waiting.add_execution(ANN, payload)
    assert [each[1] for each in waiting.executions(6)] == [b"12345", b"678"]
    assert waiting.quotes() == [] and waiting.undelivered() == {ANN}
    assert [each[1] for each in waiting.executions(6)] == [b"9"]
    assert quotes(waiting) == [("S", b"tick")] and not len(waiting)


def test_a_gap_keeps_its_place_among_executions(waiting: Arrivals) -> None:
    waiting.add_execution(ANN, b"1")
    waiting.add_gap(ANN, "why")
    waiting.add_execution(BOB, b"2")
    came = [ExecutionArrival(ANN, b"1"), Gap(ANN, "why"), ExecutionArrival(BOB, b"2")]
    assert list(waiting.executions(100)) == came


def test_gaps_are_bounded_as_well(waiting: Arrivals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "MAX_EXECUTIONS", 2)
    for _ in range(3):
        waiting.add_gap(ANN, "why")
    [gap] = waiting.executions(100)
    assert isinstance(gap, Gap) and gap.wanted is None


@pytest.mark.parametrize(("limit", "most"), [("MAX_EXECUTIONS", 2), ("MAX_BYTES", 20)])
def test_executions_for_which_there_is_no_room_are_a_gap_for_all(
    waiting: Arrivals, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(arrivals, limit, most)
    for _ in range(3):
        waiting.add_execution(ANN, b"12345678")
    [gap] = waiting.executions(100)
    assert isinstance(gap, Gap) and gap.wanted is None and "fell behind" in gap.reason
    waiting.add_execution(ANN, b"12345678")
    assert list(waiting.executions(100)) == [ExecutionArrival(ANN, b"12345678")]
