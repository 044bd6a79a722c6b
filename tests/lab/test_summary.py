"""The summary of a trial: its numbers against those of `statistics`, and its table."""

import json
import statistics
from typing import Any

import msgspec
import pytest
from records import Program, tried

from disorderbook.lab.comparison import sentence
from disorderbook.lab.measures import DEFINITIONS, in_words, numbers
from disorderbook.lab.record import FAILED, FLOODED, HUNG, RunEnding
from disorderbook.lab.requirements import judged, requirement
from disorderbook.lab.summary import TrialSettings, TrialSummary, as_json, names, summary, table
from disorderbook.lab.trial import Trial

SETTINGS = TrialSettings(
    ["new.py", "--fast"], None, None, "noise", 20, 5.0, "requests:50ms", [5, 6, 7, 8]
)


def told(trial: Trial, **changed: Any) -> TrialSummary:
    settings = msgspec.structs.replace(SETTINGS, **changed)
    required = judged([requirement("fills >= 1")], trial.own)
    return summary(settings, trial, required, 0, lambda seed: f"again {seed}")


def test_the_spread_is_that_of_the_statistics() -> None:
    trial = tried(Program(1), seeds=6)
    summed = json.loads(as_json(told(trial)))
    profits = [each.pnl / 100 for each in trial.own]
    spread = {name: values["pnl"] for name, values in summed["spread"].items()}
    lower, _, upper = statistics.quantiles(profits, n=4, method="inclusive")
    assert spread == {
        "median": statistics.median(profits),
        "lowerQuartile": lower,
        "upperQuartile": upper,
        "least": min(profits),
        "most": max(profits),
    }
    worst = min(trial.own, key=lambda each: each.pnl)
    assert summed["worst"] == {
        "seed": worst.seed,
        "pnl": worst.pnl / 100,
        "command": f"again {worst.seed}",
    }
    assert [run["pnl"] for run in summed["runs"]] == profits
    assert summed["runs"][0].keys() == {
        "seed",
        *numbers(trial.own[0]),
        "ending",
        "status",
        "level",
        "levelDay",
    }
    assert [each["seed"] for each in summed["requirements"]] == [5, 6, 7, 8, 9, 10]


def test_a_comparison_is_in_it() -> None:
    trial = tried(Program(1), Program(), seeds=6)
    summed = told(trial, against=["old.py"])
    comparison = trial.comparison
    assert comparison is not None and summed.against is not None
    assert summed.against.sentence == sentence(comparison, "new.py", "old.py")
    assert (summed.against.interval, summed.against.won) == (comparison[2:4], comparison.won)
    assert table(summed).columns == [
        "",
        "median",
        "quartiles",
        "least",
        "most",
        "other's median",
        "other's quartiles",
        "other's least",
        "other's most",
        "unit",
    ]


def test_programs_of_one_file_are_told_apart_by_their_arguments() -> None:
    assert names(SETTINGS) == ("new.py", "")
    same = TrialSettings(["a.py", "1"], ["a.py", "2 3"], None, "", 1, 1.0, "", [1])
    assert names(same) == ("a.py 1", "a.py '2 3'")


@pytest.mark.parametrize(
    "ending, words",
    [
        (RunEnding(FAILED, 3, ("Traceback", "Oh"), "/a/log"), "ended with exit status 3"),
        (RunEnding(FAILED, -9), "was ended by signal 9"),
        (RunEnding(FAILED, None), "could not be started"),
        (
            RunEnding(HUNG, None),
            "sent no request for too long (--patience; if it waits for the tape, time stands still"
            " meanwhile, but not with --speed)",
        ),
        (RunEnding(FLOODED, None), "sent too many requests"),
    ],
)
def test_a_failure_is_one_sentence(ending: RunEnding, words: str) -> None:
    trial = tried(Program())
    trial.failure = 6, ending, True
    failure = told(trial).failure
    assert failure is not None and failure.sentence == f"new.py {words} with seed 6"
    assert failure.last_lines == list(ending.last_lines) and failure.log == ending.log


def test_without_a_whole_run_there_are_no_numbers() -> None:
    summed = told(tried(Program(ends={5: FAILED})))
    assert (summed.spread, summed.worst, summed.runs) == (None, None, [])
    assert table(summed).rows == []


def test_the_table_of_one_run_has_each_number_and_its_unit() -> None:
    trial = tried(Program(1), seeds=1)
    shown = table(told(trial))
    assert shown.columns == ["", "run", "unit"]
    values = numbers(trial.own[0])
    assert shown.rows == [
        [each.title, in_words(values[each.name], each), each.unit]
        for each in DEFINITIONS
        if each.name != "won"
    ]
    assert ["Won", "-", "0 or 1"] in table(told(trial, level="sell_side")).rows


def test_the_table_of_several_runs_has_quartiles() -> None:
    shown = table(told(tried(Program(1), seeds=4)))
    assert shown.columns == ["", "median", "quartiles", "least", "most", "unit"]
    (fills,) = [row for row in shown.rows if row[0] == "Fills"]
    lower, upper = fills[2].split(" to ")
    assert float(fills[3]) <= float(lower) <= float(fills[1]) <= float(upper) <= float(fills[4])
