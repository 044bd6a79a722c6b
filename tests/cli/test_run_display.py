"""How a trial looks: plain where nobody looks, drawn by rich on a terminal."""

import io
import re
import sys

import msgspec
import pytest

from disorderbook.cli.run_display import MOST_FAILS_SHOWN, progress, show, show_failure
from disorderbook.lab.measures import NAMES
from disorderbook.lab.summary import (
    FailureSummary,
    JudgementSummary,
    Spread,
    TrialSettings,
    TrialSummary,
    WorstSeed,
)

SETTINGS = TrialSettings(
    ["a\x1b.py"], None, None, "noise", 20, 5.0, "requests:50ms", [7, 8], rules="r\x1b.toml"
)
SPREAD = Spread(*({name: number for name in NAMES} for number in (5.0, 2.5, 1234.0, 1, 2000)))


def told(fails: int = 0) -> TrialSummary:
    judgements = [
        JudgementSummary("pnl > 1", seed, 0, False, f"fails with {seed}") for seed in range(fails)
    ]
    judgements.append(JudgementSummary("pnl > 0", 7, 5, True, "holds"))
    runs = [{"ending": "days"}, {"ending": "exited"}]
    worst = WorstSeed(8, -5.5, "disorderbook run a.py --seed 8")
    return TrialSummary(SETTINGS, runs, SPREAD, worst, judgements, None, None, 0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    show(told())
    out = capsys.readouterr().out
    heading, columns, profit, *_ = lines = out.splitlines()
    assert heading.startswith(
        "a\ufffd.py, seeds 7 to 8, 20 days of 5 s, against noise by r\ufffd.toml"
    )
    assert columns.split() == ["median", "quartiles", "least", "most", "unit"]
    assert profit.split() == "P&L 5.00 2.50 to 1,234.00 1.00 2,000.00 dollars".split()
    assert "\x1b" not in out
    numbers = lines[1 : 1 + len(NAMES)]
    assert len({line.rindex("  ") for line in numbers}) == 1, "the units are one column"
    assert lines[-4:] == [
        "Of 2 runs, 1 ran to the end of the last day, 1 ended by itself before that.",
        "Worst seed: 8, P&L -5.50. To run it again:",
        "  disorderbook run a.py --seed 8",
        "1 of 1 requirements hold.",
    ]


def test_a_terminal_gets_a_drawn_table(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "stdout", Terminal())
    show(told())
    out = sys.stdout.getvalue()  # type: ignore[attr-defined]
    assert re.search(r"│ P&L +│ +5\.00 │ 2\.50 to 1,234\.00 │", out)


def test_without_rich_a_terminal_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setattr(sys, "stdout", Terminal())
    show(told())
    assert "│" not in sys.stdout.getvalue()  # type: ignore[attr-defined]


def test_of_many_requirements_that_fail_some_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    show(told(fails=MOST_FAILS_SHOWN + 5))
    out = capsys.readouterr().out
    assert out.count("fails with") == MOST_FAILS_SHOWN and "... and 5 more" in out
    assert f"1 of {MOST_FAILS_SHOWN + 6} requirements hold." in out


def test_a_program_that_sent_nothing_is_told_where_to(capsys: pytest.CaptureFixture[str]) -> None:
    silent = told()
    silent.runs[1]["requests"] = 0
    show(silent)
    assert "In 1 of 2 runs it sent no request: DISORDERBOOK_URL" in capsys.readouterr().out


def test_one_day_is_one_day(capsys: pytest.CaptureFixture[str]) -> None:
    show(msgspec.structs.replace(told(), settings=msgspec.structs.replace(SETTINGS, days=1)))
    assert ", 1 day of 5 s, " in capsys.readouterr().out


def test_a_failure_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show_failure(
        FailureSummary("a.py", 7, "failed", 1, "a.py \x1b[2J", 2 * ["\x1b]0;x\x07"], "/log")
    )
    err = capsys.readouterr().err
    assert "\x1b" not in err and "\x07" not in err and err.endswith("is in /log\n")


def test_progress_is_drawn_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    for stream, drawn in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress(3) as advance:
            advance()
            advance()
        assert ("2/3" in stream.getvalue()) == drawn == bool(stream.getvalue())
