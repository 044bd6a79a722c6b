"""The options of `disorderbook run`: what is read, what is refused before anything starts, and the
command that repeats a seed.
"""

import os
import shlex
from typing import Any

import pytest
from documents import DOCS, rows

from disorderbook.cli.run_options import (
    EXIT_CODES,
    USUAL_CLOCK,
    USUAL_OPPONENTS,
    USUAL_PATIENCE,
    clock_of,
    parsed,
    repeat_command,
    run_parser,
)
from disorderbook.game.chance import MAX_SEED
from disorderbook.game.master import LONGEST_DAY, SHORTEST_DAY
from disorderbook.game.run import DAY_SECONDS
from disorderbook.game.simulation import DAYS as LEVEL_DAYS
from disorderbook.lab.record import MOST_LAST_LINES
from disorderbook.lab.requirements import MOST_REQUIREMENTS
from disorderbook.lab.runs import MOST_DAYS, MOST_PROGRAM_REQUESTS
from disorderbook.lab.trial import MOST_SEEDS, UNTIL_SURE
from disorderbook.lab.workers import MOST_JOBS


def refused(arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as fault:
        parsed(shlex.split(arguments))
    told = capsys.readouterr()
    assert (fault.value.code, told.out, told.err.count("\n")) == (2, "", 1)
    return told.err


def test_what_was_left_out_is_put_in() -> None:
    options = parsed(["mybot.py"])
    assert (options.program, options.days, options.repeat, options.jobs) == (
        ["mybot.py"],
        100,
        1,
        1,
    )
    assert options.opponents == "market-maker,taker,noise" and 0 <= options.seed < 2**31
    assert clock_of(options)[::2] == ("requests", 50_000_000)
    assert parsed(["a.py", "--level", "sell_side"]).opponents == ""


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="not on this system")
def test_there_are_no_more_jobs_than_processors_that_may_be_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 3, 4})
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert parsed(["a.py", "--repeat", "9"]).jobs == 3
    assert parsed(["a.py", "--repeat", "2"]).jobs == 2
    assert parsed(["a.py", "--against", "b.py", "--until-sure"]).repeat == UNTIL_SURE
    assert clock_of(parsed(["a.py", "--speed", "20"]))[:2] == ("speed", 20.0)


def test_options_stand_before_and_behind_the_program() -> None:
    for text in (
        "a.py 5 --seed 7 -- --url {url}",
        "--seed 7 a.py 5 -- --url {url}",
        "a.py --seed 7 5 -- --url {url}",
    ):
        options = parsed(text.split())
        assert (options.program, options.seed) == (["a.py", "5", "--url", "{url}"], 7)
    assert parsed(["a.py", "--against", "b.py '--x y' 2"]).against == ["b.py", "--x y", "2"]


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ("", "the following arguments are required: PROGRAM"),
        ("a.py --seed -1", "is no integer from 0 to"),
        ("a.py --seed 1.5", "is no integer from 0 to"),
        ("a.py --days 0", "is no integer from 1 to"),
        ("a.py --repeat 1001", "is no integer from 1 to 1000"),
        ("a.py --jobs 65", "is no integer from 1 to 64"),
        ("a.py --opponents nobody", "argument --opponents: No opponent is called"),
        ("a.py --level sell", "argument --level: invalid choice: 'sell'"),
        ("a.py --level sell_side --opponents noise", "--level brings opponents of its own"),
        ("a.py --level sell_side --rules r.toml", "--level brings a venue, a stock and rules of"),
        ("a.py --level sell_side --symbol S", "leave --venue, --symbol and --rules out"),
        ("a.py --rules ''", "argument --rules: the name is empty"),
        ("a.py --venue a/b", "argument --venue: "),
        ("a.py --level sell_side --days 501", "argument --days: a level has 500 days"),
        ("a.py --clock stepped", "is no clock for a run: requests:50ms, or use --speed"),
        ("a.py --clock requests:x", "is no clock"),
        ("a.py --clock requests:50ms --speed 2", "--clock or --speed, not both"),
        ("a.py --speed nan", "A speed is from 0.01 to 1000"),
        ("a.py --patience 0", "is no number of seconds from 0.1 to 3600"),
        ("a.py --day-seconds 0", "is no number of seconds from 0.05 to 60"),
        ("a.py --out ''", "argument --out: the name is empty"),
        ("a.py --report ''", "argument --report: the name is empty"),
        ("a.py --junit ''", "argument --junit: the name is empty"),
        ("a.py --report a --junit ./a", "two of them name the same file"),
        ("a.py --out o --junit o/summary.json", "two of them name the same file"),
        ("a.py --until-sure", "--until-sure needs --against"),
        ("a.py --open", "--open needs --report FILE"),
        ("a.py --against ''", "argument --against: there is no program in it"),
        ("a.py --against 'x \"y'", "argument --against: No closing quotation"),
        ("a.py --require 'pnl => 3'", "argument --require: 'pnl => 3' is no requirement"),
        ("a.py --require 'sharpe > 3'", "argument --require: 'sharpe' is no number of a run"),
        ("a.py --require 'won == 1'", "argument --require: 'won' needs --level"),
        (f"a.py --seed {MAX_SEED} --repeat 2", "argument --seed: the last seed would be over"),
        ("a.py --rep 2", "unrecognized arguments: --rep"),
        ("b\udcff.py", "PROGRAM and its arguments have to be UTF-8: 'b\\udcff.py' is not"),
        ("a.py -- \udcff", "PROGRAM and its arguments have to be UTF-8"),
        ("a.py --against 'b.py \udcff'", "PROGRAM and its arguments have to be UTF-8"),
        ("a.py" + " --require 'pnl > 0'" * 101, "argument --require: at most 100 can be given"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    arguments: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in refused(arguments, capsys)


@pytest.mark.parametrize(
    "arguments, again",
    [
        ("a.py --repeat 20 --seed 1 --json", "a.py --seed 9 --days 100"),
        (
            "a.py --level sell_side --days 20 --day-seconds 0.5 --patience 3 -- -v 'x y'",
            "a.py --seed 9 --level sell_side --days 20 --day-seconds 0.5 --patience 3 -- -v 'x y'",
        ),
        (
            "a.py --opponents noise:2 --clock requests:5ms",
            "a.py --seed 9 --opponents noise:2 --days 100 --clock requests:5ms",
        ),
        (
            "a.py --rules my.toml --stock S --venue V",
            "a.py --seed 9 --venue V --symbol S --rules my.toml --days 100",
        ),
        ("a.py --opponents '' --speed 20", "a.py --seed 9 --opponents '' --days 100 --speed 20"),
    ],
)
def test_the_command_repeats_a_seed_and_no_more(arguments: str, again: str) -> None:
    options = parsed(shlex.split(arguments))
    command = repeat_command(options, 9)
    assert command == f"disorderbook run {again}"
    repeated = parsed(shlex.split(command)[2:])
    market: tuple[Any, ...] = ("program", "level", "opponents", "days", "day_seconds", "patience")
    market += ("venue", "symbol", "rules")
    assert [getattr(repeated, name) for name in market] == [
        getattr(options, name) for name in market
    ]
    assert clock_of(repeated) == clock_of(options) and (repeated.seed, repeated.repeat) == (9, 1)


def test_the_documents_have_every_option_and_exit_status() -> None:
    page = (DOCS / "lab.md").read_text()
    for action in run_parser()._actions:
        for option in action.option_strings:
            assert f"`{option}" in page, option
    told = {int(code): meaning for code, meaning in rows(page, 2) if code.isdigit()}
    assert told == EXIT_CODES
    limits = [
        f"trading days, 1 to {MOST_DAYS:,} (a level has {LEVEL_DAYS})",
        f"a trading day takes, {SHORTEST_DAY:g} to {LONGEST_DAY:g} | {DAY_SECONDS:g} |",
        f"so many seeds, at most {MOST_SEEDS} | 1; with `--until-sure` at most {UNTIL_SURE} |",
        f"at a time, at most {MOST_JOBS} |",
        f"can be given up to {MOST_REQUIREMENTS} times",
        f"sends over {MOST_PROGRAM_REQUESTS:,} has failed",
        f"the last {MOST_LAST_LINES} lines of its stderr",
        f"that hangs | {USUAL_PATIENCE:g} |",
        f"moves the clock | {USUAL_CLOCK} |",
        f"is played | {USUAL_OPPONENTS} |",
    ]
    assert [each for each in limits if each not in " ".join(page.split())] == []
    help_text = " ".join(run_parser().format_help().split())
    assert [code for code in EXIT_CODES if f"{code}: {EXIT_CODES[code]}" not in help_text] == []
