"""The file of a report: its size, what is in it, and that it can do no harm."""

import base64
import hashlib
import json
import re
import zlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from records import record_of, traded_book
from simulated_runs import simulated_run

from disorderbook.lab import report as module
from disorderbook.lab.measures import DEFINITIONS, NAMES, measures, numbers
from disorderbook.lab.record import Printed, RefusedRequest, RunRecord
from disorderbook.lab.report import LONGEST_TITLE, Rival, readable, report, report_text

BLOCK = re.compile(r'<script type="text/plain" id="([\w-]+)">([^<]*)</script>')
MOST_BYTES = 2_000_000


def contents(text: str) -> dict[str, Any]:
    """The data of a file by the names of their blocks."""
    return {
        name: json.loads(zlib.decompress(base64.b64decode(block)))
        for name, block in BLOCK.findall(text)
    }


def copies(record: RunRecord, count: int) -> list[RunRecord]:
    return [msgspec.structs.replace(record, seed=seed) for seed in range(count)]


def random_runs(count: int) -> list[RunRecord]:
    return [record_of(traded_book(seed, 200)[1], seed=seed) for seed in range(count)]


@pytest.mark.slow
def test_a_hundred_seeds_of_a_hundred_days_take_less_than_two_megabytes(tmp_path: Path) -> None:
    """Each run is compressed by itself, so that copies of one take what different ones would."""
    record = simulated_run(1, 100)
    assert len(record.orders) > 4000 and len(record.printed) > 500
    report(copies(record, 100), tmp_path / "report.html", title="bot.py", command=str)
    size = (tmp_path / "report.html").stat().st_size
    told = contents((tmp_path / "report.html").read_text())
    assert size < MOST_BYTES and len(told["overview"]["runs"]) == 100
    assert len(told["overview"]["blocks"]) >= 10


def test_events_are_those_of_the_worst_the_median_the_best_and_then_what_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records = random_runs(7)
    ranked = sorted(range(7), key=lambda number: measures(records[number]).pnl)
    in_full = [ranked[0], ranked[3], ranked[6], *ranked[1:3], *ranked[4:6]]
    told = contents(report_text(records))
    assert told["overview"]["blocks"] == in_full
    assert not any("curve" in run for run in told["overview"]["runs"])
    size = len(module._packed(module._details(records[0])))
    monkeypatch.setattr(module, "MOST_EVENT_BYTES", int(3.5 * size))
    told = contents(report_text(records))
    assert told["overview"]["blocks"] == in_full[:3] and "events-2" in told
    assert "events-3" not in told
    curves = ["curve" in run for run in told["overview"]["runs"]]
    assert curves == [number not in in_full[:3] for number in range(7)]


def test_the_only_run_has_its_events_however_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_EVENT_BYTES", 10)
    assert contents(report_text(random_runs(1)))["overview"]["blocks"] == [0]


def test_the_numbers_are_those_of_the_measures_with_their_definitions() -> None:
    records = random_runs(2)
    told = contents(report_text(records, command=lambda seed: f"run --seed {seed}"))["overview"]
    for shown in told["definitions"]:
        assert shown in [each._asdict() for each in DEFINITIONS]
    # No level was played, so there is nothing to be said of winning it.
    assert [each["name"] for each in told["definitions"]] == [n for n in NAMES if n != "won"]
    for run, record in zip(told["runs"], records, strict=True):
        assert run["numbers"] == numbers(measures(record))
        assert run["command"] == f"run --seed {record.seed}"
        assert len(run["navs"]) <= told["points"] + 1


def test_a_rival_is_told_seed_by_seed() -> None:
    records, others = random_runs(3), [record_of(traded_book(9, 80)[1], seed=n) for n in range(3)]
    told = contents(report_text(records, against=Rival("old.py", others, "It is better.")))
    overview = told["overview"]
    assert [each["name"] for each in overview["definitions"]][:3] == ["pnl", "rival", "difference"]
    for run, record, other in zip(overview["runs"], records, others, strict=True):
        pnl, rivals = measures(record).pnl, measures(other).pnl
        assert run["numbers"]["rival"] == rivals / 100
        assert round(100 * run["numbers"]["difference"]) == pnl - rivals
    assert overview["rival"]["sentence"] == "It is better." and len(overview["rival"]["navs"]) == 3


@pytest.mark.parametrize("seeds", [(0, 2), (0,), (0, 1, 2)])
def test_a_rival_had_the_same_seeds(seeds: tuple[int, ...]) -> None:
    others = [record_of([], seed=seed) for seed in seeds]
    with pytest.raises(ValueError):
        report_text(random_runs(2), against=Rival("old.py", others))


def test_what_is_said_becomes_no_markup_and_steers_no_terminal() -> None:
    evil = "</script><script>alert(1)</script>\x1b[31mred\x1b[0m\x07\u202e\0 tab\there"
    record = record_of(
        traded_book(1, 50)[1],
        venue="V" * 255,
        printed=[Printed(2_000_000, "stdout", evil)],
        refusals=[RefusedRequest(2_000_000, "GET", "/" + evil, 404, evil, evil)],
        refusal_count=1,
    )
    text = report_text([record], title=f"{evil}{'x' * 500}", command=lambda seed: evil)
    assert text.count("</script>") == 3 and "<script>alert" not in text
    told = contents(text)
    shown = "</script><script>alert(1)</script>red\u2407\ufffd\u2400 tab\there"
    assert told["events-0"]["printed"][0][2] == readable(evil) == shown
    assert told["events-0"]["refusals"][0][2:] == [f"GET /{shown}", shown, shown]
    assert len(told["overview"]["title"]) == LONGEST_TITLE


def test_a_name_that_is_no_utf_8_is_told_as_far_as_it_is(tmp_path: Path) -> None:
    records, path = random_runs(1), tmp_path / "report.html"
    report(records, path, title="b\udcff.py", against=Rival("\udc80", records, "\udcff"))
    told = contents(path.read_text(encoding="utf-8"))["overview"]
    assert (told["title"], told["rival"]["name"]) == ("b\ufffd.py", "\ufffd")


def test_the_page_runs_its_own_script_and_loads_nothing() -> None:
    text = report_text(random_runs(1))
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    allowed = policy.replace("&#039;", "'").split("; ")
    for kind, pattern in (
        ("script", r'<script type="module">(.*?)</script>'),
        ("style", r"<style>(.*?)</style>"),
    ):
        (content,) = re.findall(pattern, text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in allowed
    assert "default-src 'none'" in allowed
    assert re.findall(r'(?<!\[)(?:src|href)="(?!data:)', text) == []


def test_equal_runs_give_equal_files() -> None:
    assert report_text(random_runs(2), title="a") == report_text(random_runs(2), title="a")


def test_a_report_is_about_something(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="A report is about one run or more"):
        report([], tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_a_run_in_which_nothing_happened_has_a_report() -> None:
    told = contents(report_text([record_of([])]))
    assert told["events-0"]["count"] == 0 and set(told["overview"]["runs"][0]["navs"]) == {0}
