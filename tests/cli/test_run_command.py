"""`disorderbook run`: exit statuses, what is printed and written, and a real program at last."""

import csv
import json
import os
import signal
from collections.abc import Generator, Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from records import record_of, traded_book

from disorderbook.cli import run_command
from disorderbook.cli.main import main
from disorderbook.cli.run_options import EXIT_CODES
from disorderbook.lab.measures import measures
from disorderbook.lab.output import FILES
from disorderbook.lab.record import FAILED, INTERRUPTED, RunEnding, RunRecord
from disorderbook.lab.runs import RunSettings
from disorderbook.lab.workers import WorkerFailed

PROGRAMS = ("rich.py", "poor.py", "bad.py", "cut.py", "broken.py")


def record(name: str, seed: int, logs: str) -> RunRecord:
    """What a program of this name comes to."""
    _, orders = traded_book(seed, 60)
    accounts = "ABC" if name in ("rich.py", "poor.py") else "A"
    told = [measures(record_of(orders, seed=seed, account=each)) for each in accounts]
    by_profit = dict(zip([each.pnl for each in told], accounts, strict=True))
    account = by_profit[max(by_profit) if name == "rich.py" else min(by_profit)]
    ending = RunEnding("days")
    if (name, seed) == ("bad.py", 8):
        ending = RunEnding(FAILED, 3, ("Traceback", "Error: \x1b[2J"), f"{logs}/seed-8.log")
        Path(ending.log or "").write_text("all")
    if name == "cut.py":
        ending = RunEnding(INTERRUPTED)
    return record_of(orders, seed=seed, account=account, ending=ending)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where there are programs, which are not run: their records are made up."""

    def run_seeds(
        settings: RunSettings, seeds: Sequence[int], jobs: int
    ) -> Generator[RunRecord, None, None]:
        name = settings.program[0]
        if name == "broken.py":
            raise WorkerFailed("The worker process of seed 7 has ended with the status -9")
        assert settings.logs is not None
        yield from (record(name, seed, settings.logs) for seed in seeds)

    monkeypatch.setattr(run_command, "run_seeds", run_seeds)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in PROGRAMS:
        Path(name).touch()
    return tmp_path


def run(text: str) -> int:
    return main(["run", *text.split()])


@pytest.mark.parametrize(
    "arguments, status",
    [
        ("rich.py", 0),
        ("rich.py --repeat 20 --against poor.py", 0),
        ("rich.py --repeat 2 --against poor.py", 0),
        ("poor.py --repeat 20 --against poor.py", 0),
        ("poor.py --repeat 20 --against rich.py", 4),
        ("rich.py --require fills>=1", 0),
        ("rich.py --require fills>=1 --require fills>=1000", 1),
        ("poor.py --repeat 20 --against rich.py --require fills>=1000", 1),
        ("bad.py --repeat 3 --require fills>=1000", 3),
        ("rich.py --repeat 3 --against bad.py", 3),
        ("nowhere.py", 2),
        ("rich.py --against nowhere.py", 2),
        ("broken.py", 2),
        ("rich.py --out rich.py", 2),
        ("rich.py --junit temporary", 2),
        ("rich.py --report rich.py/report.html", 2),
        ("cut.py", 130),
    ],
)
def test_the_exit_status_says_how_it_went(
    arguments: str, status: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(f"{arguments} --seed 7") == status and status in EXIT_CODES
    told = capsys.readouterr()
    if status in (2, 130):
        assert (
            told.out == "" and told.err.count("\n") == 1 and told.err.startswith("disorderBook: ")
        )
    assert len(list((folder / "temporary").iterdir())) == (status == 3), "a log is kept, or none"


def test_a_wrong_option_ends_with_2_before_anything(folder: Path) -> None:
    with pytest.raises(SystemExit) as fault:
        run("broken.py --require pnl --out new")
    assert fault.value.code == 2 and not (folder / "new").exists()


def test_what_was_asked_for_is_written_and_printed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = "--json --out out --junit out/junit.xml --report out/report.html"
    assert run(f"rich.py --repeat 3 --seed 7 --against poor.py --require fills>=1 {asked}") == 0
    told = capsys.readouterr()
    assert told.err == "" and json.loads(told.out) == json.loads(
        Path("out/summary.json").read_text()
    )
    assert {path.name for path in Path("out").iterdir()} == {*FILES, "junit.xml", "report.html"}
    with open("out/fills.csv", newline="") as opened:
        seeds = [row["seed"] for row in csv.DictReader(opened)]
    summary = json.loads(told.out)
    assert {*seeds} == {"7", "8", "9"}
    assert len(seeds) == sum(each["fills"] for each in summary["runs"])
    assert [each["seed"] for each in summary["against"]["runs"]] == [7, 8, 9]
    assert summary["settings"]["seeds"] == [7, 8, 9] and summary["status"] == 0
    assert len(ElementTree.parse("out/junit.xml").findall(".//testcase")) == 3
    assert summary["against"]["sentence"].startswith("It is not to be told yet whether rich.py")


def test_the_table_has_the_worst_seed_and_how_to_run_it_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("rich.py --repeat 3 --seed 7 --days 20 --require fills>=1000 -- --fast {url}")
    out = capsys.readouterr().out
    worst = min((measures(record("rich.py", seed, "")) for seed in (7, 8, 9)), key=lambda x: x.pnl)
    again = f"disorderbook run rich.py --seed {worst.seed} --days 20 -- --fast '{{url}}'"
    assert (
        f"Worst seed: {worst.seed}, P&L {worst.pnl / 100:,.2f}. To run it again:\n  {again}\n"
        in out
    )
    assert "seeds 7 to 9" in out and "quartiles" in out and "0 of 3 requirements hold." in out
    assert out.count("fills >= 1000: fails (seed ") == 3


def test_a_failure_is_told_with_its_last_lines_and_its_log(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("bad.py --repeat 4 --seed 7 --junit j.xml --out out --report r.html") == 3
    told = capsys.readouterr()
    first, *lines, last = told.err.splitlines()
    assert first == "disorderBook: bad.py ended with exit status 3 with seed 8"
    assert lines[1:] == ["  Traceback", "  Error: \ufffd[2J"]
    log = Path(last.removeprefix("All that it printed is in "))
    assert log.read_text() == "all"
    assert "seeds 7 to 7" not in told.out and "seed 7" in told.out
    cases = ElementTree.parse("j.xml").findall(".//testcase")
    assert [[child.tag for child in case] for case in cases] == [
        ["error"],
        ["skipped"],
        ["skipped"],
    ]
    summary = json.loads(Path("out/summary.json").read_text())
    assert summary["failure"]["seed"] == 8 and [each["seed"] for each in summary["runs"]] == [7]
    assert Path("r.html").exists()


def test_rules_that_cannot_be_used_are_said_as_for_an_exchange(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rules.toml").write_text("[market]\nlimit = 5\n")
    assert run("rich.py --rules nowhere.toml") == run("rich.py --rules rules.toml") == 2
    missing, wrong = capsys.readouterr().err.splitlines()
    assert missing == (
        "disorderBook: Cannot read the rules file nowhere.toml: No such file or directory"
    )
    assert wrong.startswith("disorderBook: The rules file rules.toml has limit in [market], where")


def test_an_interrupt_writes_nothing(folder: Path) -> None:
    assert run("cut.py --out out --junit j.xml --report r.html") == 130
    assert not any(Path("out").iterdir())
    assert not Path("j.xml").exists() and not Path("r.html").exists()


def test_the_status_stays_true_if_nobody_reads_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as closed:
        monkeypatch.setattr("sys.stdout", closed)
        assert run("rich.py --json --require fills>=1000") == 1
        print("still there", flush=True)


def test_what_cannot_be_printed_is_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert run("rich.py") == 2
    assert capsys.readouterr().err == "disorderBook: Cannot print: No space left on device\n"


def test_closed_streams_change_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.stderr", None)
    assert run("rich.py --require fills>=1000") == 1


@pytest.mark.parametrize(
    ("before", "status"), [(signal.SIG_DFL, 130), (signal.SIG_IGN, 0)], ids=["usual", "nohup"]
)
def test_a_closed_terminal_interrupts_a_trial(
    before: signal.Handlers, status: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_seeds(
        settings: RunSettings, seeds: Sequence[int], jobs: int
    ) -> Generator[RunRecord, None, None]:
        assert signal.getsignal(signal.SIGHUP) is not signal.SIG_DFL, "this process would end"
        signal.raise_signal(signal.SIGHUP)
        yield from (record(settings.program[0], seed, "") for seed in seeds)

    monkeypatch.setattr(run_command, "run_seeds", run_seeds)
    others = signal.signal(signal.SIGHUP, before)
    try:
        assert run("rich.py --out there") == status
    finally:
        signal.signal(signal.SIGHUP, others)
    assert len(os.listdir("there")) == (len(FILES) if status == 0 else 0)
    assert os.listdir("temporary") == []


def test_the_report_is_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert run("rich.py --report r.html --open") == 0
    assert opened == [(folder / "r.html").as_uri()]


def test_without_a_seed_one_is_drawn_and_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("rich.py --json")
    (seed,) = json.loads(capsys.readouterr().out)["settings"]["seeds"]
    assert 0 <= seed < 2**31


BOT = """
import sys, time
from disorderbook import Market
with Market.from_environment() as market:
    for _ in range(3):
        market.buy(5100, 10, "immediate-or-cancel")
        time.sleep(1)
    if sys.argv[1:] == [market.account, "fail"]:
        raise RuntimeError("oh")
"""


def test_a_real_program_is_run_and_repeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    bot = tmp_path / "mybot.py"
    bot.write_text(BOT)
    arguments = ["run", str(bot), "--seed", "7", "--days", "2", "--json", "--opponents", "noise"]
    told = []
    for _ in range(2):
        assert main(arguments) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]
    (run,) = told[0]["runs"]
    assert (run["ending"], run["orders"], run["requests"]) == ("exited", 3, 3)
    assert main([*arguments, "--", "{account}", "fail"]) == 3
    ended = capsys.readouterr()
    assert "RuntimeError: oh" in ended.err and json.loads(ended.out)["failure"]["status"] == 1
