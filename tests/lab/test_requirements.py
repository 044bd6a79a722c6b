"""Requirements: which are understood, which hold, and what continuous integration reads of them."""

import operator
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis.strategies import characters, text
from records import record_of, traded_book

from disorderbook.lab.measures import DEFINITIONS, Measures, measures, numbers
from disorderbook.lab.record import LevelOutcome
from disorderbook.lab.requirements import LONGEST, judged, junit_xml, requirement


def told(seeds: int = 3) -> list[Measures]:
    return [measures(record_of(traded_book(seed, 150)[1], seed=seed)) for seed in range(seeds)]


@pytest.mark.parametrize(
    "written, read",
    [
        ("pnl >= 10000", "pnl >= 10000"),
        (" pnl>=-10.50 ", "pnl >= -10.50"),
        ("median  drawdown <500", "median drawdown < 500"),
        ("mean won >= 0.9", "mean won >= 0.9"),
        ("most highest <= 1000", "most highest <= 1000"),
        ("least shares != 0", "least shares != 0"),
    ],
)
def test_what_can_be_read(written: str, read: str) -> None:
    assert requirement(written).text == read
    assert requirement(read) == requirement(written)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "pnl",
        "pnl >=",
        "pnl => 3",
        "pnl = 3",
        "pnl >= 1e3",
        "pnl >= 1,000",
        "pnl >= nan",
        "pnl >= 3 4",
        "worst pnl >= 3",
        "3 <= pnl",
        "pnl >= 3; pnl <= 4",
        "pnl >= 1" + "0" * 15,
        "pnl >= 3" + " " * LONGEST,
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(written: str) -> None:
    with pytest.raises(ValueError, match=r"is no requirement: \[median\|.*such as 'pnl >= 10000'"):
        requirement(written)


def test_a_number_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="^'sharpe' is no number of a run; there are pnl, shares,"):
        requirement("sharpe > 1")


@pytest.mark.parametrize("name", [each.name for each in DEFINITIONS])
def test_every_number_can_be_required(name: str) -> None:
    assert requirement(f"{name} >= 1").definition.name == name


def test_each_seed_has_to_hold_what_is_required_of_it() -> None:
    runs = told()
    values = [numbers(each)["pnl"] for each in runs]
    middle = sorted(value for value in values if value is not None)[1]
    found = judged([requirement(f"pnl >= {middle}")], runs)
    assert [each.seed for each in found] == [0, 1, 2]
    assert [each.value for each in found] == values
    assert [each.holds for each in found] == [
        value is not None and operator.ge(value, middle) for value in values
    ]
    assert sum(each.holds for each in found) == 2
    (median,) = judged([requirement(f"median pnl == {middle}")], runs)
    assert (median.seed, median.value, median.holds) == (None, middle, True)


@pytest.mark.parametrize("sign, holds", [(">=", 1), ("<=", 1), ("==", 1), ("!=", 0), (">", 0)])
def test_every_operator_is_what_it_says(sign: str, holds: int) -> None:
    run = measures(record_of([], requests=5))
    assert [each.holds for each in judged([requirement(f"requests {sign} 5")], [run])] == [holds]
    assert judged([requirement("requests < 6")], [run])[0].holds


def test_the_statistics_are_of_all_seeds() -> None:
    runs = [measures(record_of([], requests=number)) for number in (1, 2, 6)]
    for statistic, value in {"median": 2, "mean": 3, "least": 1, "most": 6}.items():
        (found,) = judged([requirement(f"{statistic} requests == {value}")], runs)
        assert (found.holds, found.value) == (True, value)


def test_where_there_is_no_number_nothing_holds() -> None:
    run = measures(record_of([]))
    each, together = judged([requirement("takes <= 1"), requirement("mean takes <= 1")], [run])
    assert (each.holds, together.holds, each.value, together.value) == (False, False, None, None)
    assert each.sentence == "takes <= 1: fails (seed 7: takes none)"
    assert together.sentence == "mean takes <= 1: fails (all seeds: mean takes none)"


def test_a_level_can_be_required_to_be_won() -> None:
    won, lost = (
        measures(record_of([], level=LevelOutcome("sell_side", state, 5, 0)))
        for state in ("won", "lost")
    )
    assert [each.holds for each in judged([requirement("won == 1")], [won, lost])] == [True, False]
    assert judged([requirement("mean won >= 0.5")], [won, lost])[0].holds


def test_junit_has_a_case_for_each_requirement_and_seed() -> None:
    required = [requirement("pnl >= 100000"), requirement("median fills > 0")]
    xml = junit_xml(judged(required, told(2)), {2: "The program failed: <&\x00>"}, [3, 4])
    (suite,) = ElementTree.fromstring(xml)
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == [
        "pnl >= 100000 (seed 0)",
        "pnl >= 100000 (seed 1)",
        "median fills > 0 (all seeds)",
        "the program runs (seed 2)",
        "the program runs (seed 3)",
        "the program runs (seed 4)",
    ]
    assert [[child.tag for child in case] for case in cases] == [
        ["failure"],
        ["failure"],
        [],
        ["error"],
        ["skipped"],
        ["skipped"],
    ]
    assert cases[3][0].get("message") == "The program failed: <&\ufffd>"
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "6", "failures": "2", "errors": "1", "skipped": "2"}


@given(text(characters(), max_size=50))
def test_junit_is_xml_whatever_a_program_says(said: str) -> None:
    ((case,),) = ElementTree.fromstring(junit_xml([], {1: said}))
    assert case[0].tag == "error" and case[0].get("message") is not None
