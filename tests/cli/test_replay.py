"""`disorderbook replay` on the command line."""

import hashlib
import json
import shutil
import urllib.request
from pathlib import Path

import pytest
from live import running
from program import refused, start
from recorded_market import Original, exported

from disorderbook.cli.main import make_parser
from disorderbook.ledger.file import open_ledger


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with market.db, which has one book, and its export in csv/."""
    folder = tmp_path_factory.mktemp("original")
    Original(folder / "market.db", [("V", "S")]).trade(200).close()
    exported(folder / "market.db", folder / "csv")
    return folder


def content_of(folder: Path) -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.is_file() and not file.name.endswith("-lock")
    }


def test_a_file_is_replayed_and_the_exchange_goes_on(original: Path, tmp_path: Path) -> None:
    file, new = str(original / "market.db"), str(tmp_path / "new.db")
    before = content_of(original)
    with running("--seed", "7", "replay", file, "--clock", "stepped", "-d", new) as exchange:
        told = exchange.process.wait_for(
            r"Replays ([0-9]+) orders and ([0-9]+) cancels of (.*), 2023-11-14"
        )
        assert told[3] == file
        exchange.process.wait_for(
            r"Let a minute pass:\n  curl -d '{\"advance\": 60}' http://.*/api/v1/clock"
        )
        clock = exchange.url.replace("ob/api/", "api/v1/clock")
        with urllib.request.urlopen(clock, json.dumps({"advance": 60}).encode()) as answer:
            assert json.load(answer)["clock"] == "stepped"
        exchange.process.wait_for(
            f"Replayed {told[1]} orders and {told[2]} cancels of {file}: 0 were refused, and 0 "
            "went otherwise"
        )
        with urllib.request.urlopen(f"{exchange.url}venues/V/stocks/S") as answer:
            assert json.load(answer)["symbol"] == "S"
    assert content_of(original) == before
    assert exported(Path(new), tmp_path) == [
        (original / "csv" / name).read_bytes() for name in ("orders.csv", "executions.csv")
    ]


def test_options_stand_before_and_behind_it() -> None:
    parse = make_parser().parse_args
    options = parse(["-w", "-p", "0", "replay", "F", "--speed", "9", "--as", "N/T", "-e"])
    assert (options.websockets, options.port, options.extra) == (True, 0, True)
    assert (options.replay, options.replay_as, options.wsport) == ("F", ("N", "T"), 8001)
    assert options.speed is not None and options.speed.speed == 9
    assert (parse([]).replay, parse([]).replay_as) == (None, None)
    assert vars(parse(["replay", "F"])).keys() == vars(parse([])).keys()


def test_help_names_the_defaults() -> None:
    ended = start("replay", "--help")
    assert ended.returncode == 0
    told = " ".join(ended.stdout.split())
    assert "(default: 8000)" in told and "SUPPRESS" not in told and "--export DIR" not in told


def refuse(*options: str) -> str:
    return refused("-p", "0", *options)


def test_what_cannot_be_replayed_is_refused_and_leaves_nothing(
    original: Path, tmp_path: Path
) -> None:
    file, new = str(original / "market.db"), str(tmp_path / "new.db")
    assert f"{new} does not exist" in refuse("replay", new)
    assert "orders.csv does not exist" in refuse("replay", str(tmp_path), "-d", new)
    shutil.copytree(original / "csv", tmp_path / "csv")
    with (tmp_path / "csv" / "orders.csv").open("a") as opened:
        opened.write("V,S")
    assert "is damaged: line " in refuse("replay", str(tmp_path / "csv"), "-d", new)
    assert "'V' is no VENUE/STOCK" in refuse("replay", file, "--as", "V")
    assert "contradict each other" in refuse(
        "replay", file, "--speed", "2", "--clock", "stepped", "-p", "0"
    )
    several = Original(tmp_path / "several.db").trade(20).close()
    assert "has 3 books, and only a single one" in refuse(
        "replay", str(several), "--as", "N/T", "-p", "0"
    )
    assert "has 3 books, and 2 may be open" in refuse("-b", "2", "replay", str(several), "-d", new)
    open_ledger(str(tmp_path / "empty.db"))[0].close()
    assert "has no orders to replay" in refuse("replay", str(tmp_path / "empty.db"))
    taken = f"A replay begins a new market, and {several} is there already"
    assert taken in refuse("replay", file, "-d", str(several))
    needs = "needs a market that is there"
    assert f"--export {needs}" in refuse("--export", str(tmp_path), "replay", file)
    assert f"--drop-damaged-log {needs}" in refuse("--drop-damaged-log", "replay", file)
    assert not Path(new).exists()
