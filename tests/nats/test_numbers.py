"""How a relay sees that something is missing, comes late, or comes from two exchanges."""

from collections.abc import Mapping

import pytest

from disorderbook.nats import numbers as module
from disorderbook.nats.numbers import (
    MANY_BOOKS,
    MISSING,
    RESTARTED,
    TWO_EXCHANGES,
    Numbers,
    Repeated,
)
from disorderbook.tape.subscriptions import Subscription

ANN, BOB = Subscription("ANN", "V", None), Subscription("BOB", "V", None)


def headers(numbered: str) -> Mapping[str, str] | None:
    number, run = numbered.split(" ")
    return {"Disorderbook-Run": run, "Disorderbook-Sequence": number}


@pytest.mark.parametrize(
    ("numbered", "gap"),
    [
        ("6 r", None),
        ("7 r", MISSING),
        ("1 s", RESTARTED),
        ("x r", None),
        ("\u0663 r", None),
        ("-1 r", None),
        ("1" * 19 + " r", None),
        ("9 ", None),
        ("9 " + "r" * 65, None),
        (" ", None),
    ],
)
def test_a_number_that_is_missing_is_seen(numbered: str, gap: str | None) -> None:
    numbers = Numbers()
    assert numbers.check(ANN, "S", headers("5 r")) is None
    assert numbers.check(ANN, "T", headers("1 q")) is None  # numbered by itself
    assert numbers.check(BOB, "S", headers("1 q")) is None  # likewise
    assert numbers.check(ANN, "S", headers(numbered)) == gap


@pytest.mark.parametrize("numbered", ["5 r", "4 r"])
def test_what_has_come_before_is_seen(numbered: str) -> None:
    numbers = Numbers()
    numbers.check(ANN, "S", headers("5 r"))
    with pytest.raises(Repeated):
        numbers.check(ANN, "S", headers(numbered))
    assert numbers.check(ANN, "S", headers("6 r")) is None


def test_two_exchanges_that_publish_one_book_are_seen() -> None:
    numbers = Numbers()
    came = [numbers.check(ANN, "S", headers(each)) for each in ("5 r", "1 s", "6 r", "2 s", "3 s")]
    assert came == [None, RESTARTED, TWO_EXCHANGES, TWO_EXCHANGES, None]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 10 * (module.NUMBER_BYTES + 1))
    monkeypatch.setattr(module, "MOST_RUNS", 3)
    numbers = Numbers()
    for subject in "ABCDEFGHIJ":
        assert numbers.check(ANN, subject, headers("5 r")) is None
    assert numbers.check(BOB, "K", headers("5 r")) == MANY_BOOKS
    assert not numbers._last and not numbers._bytes
    for run in "abcdefg":
        numbers.check(ANN, "S", headers(f"1 {run}"))
    assert len(numbers._replaced) <= 3


def test_what_nobody_wants_is_forgotten() -> None:
    numbers = Numbers()
    for wanted in (ANN, BOB):
        numbers.check(wanted, "S", headers("5 r"))
    numbers.forget(ANN)
    assert numbers.check(ANN, "S", headers("5 r")) is None
    numbers.forget_others({ANN})
    assert list(numbers._last) == [ANN]
    numbers.forget(ANN)
    assert not numbers._last and not numbers._bytes
