"""`python -OO`, which drops every assert and every docstring: nothing may depend on them."""

import ast
import sys
from pathlib import Path

import pytest
from fork_server import run
from live import PATIENCE, ROOT, started

OPTIMIZED = (sys.executable, "-OO")
FOLDERS = ("disorderbook", "bots", "benchmarks")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
HAVE_NO_HELP = {"crowd.py", "front_end.py"}  # started by other tools
SCRIPTS = [ROOT / "disorderBook_main.py"] + [
    path
    for path in SOURCES
    if "__main__" in path.read_text("utf-8") and path.name not in HAVE_NO_HELP
]
BEGINNING = 40  # characters that --help shows of what a script says of itself, at least


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_of(path: Path) -> str | None:
    """What a module says of itself in a way that stays."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__doc__":
            return str(ast.literal_eval(node.value))
    return None


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_help_is_whole(path: Path) -> None:
    shown = run([*OPTIMIZED, str(path), "--help"], timeout=PATIENCE, cwd=ROOT)
    assert (shown.returncode, shown.stderr) == (0, "")
    text = text_of(path)
    assert "--help" in shown.stdout
    assert text is None or words(text)[:BEGINNING] in words(shown.stdout)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_module_depends_on_what_is_dropped(path: Path) -> None:
    """An assert may tell the type checker that something is there, and no more."""
    code = path.read_text("utf-8")
    if "assert" not in code and "__doc__" not in code:
        return  # which is told sooner than it is parsed
    tree = ast.parse(code)
    asserts = [ast.unparse(node.test) for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    is_there = " is not None", " is not UNSET"
    assert [test for test in asserts if not test.endswith(is_there)] == []
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert "__doc__" not in names | attributes or text_of(path)


def test_a_market_is_traded_in_kept_watched_and_exported(tmp_path: Path) -> None:
    database = ["-d", str(tmp_path / "market.db")]
    options = ["-p", "0", "-w", "--wsport", "0", *database]
    with started(*OPTIMIZED, "disorderBook_main.py", *options) as exchange:
        url = exchange.wait_for(r"Connect to +(\S+)")[1]
        tape = exchange.wait_for(r"watch_tape.py --url (\S+)")[1]
        watching = [*OPTIMIZED, "bots/watch_tape.py", "--url", tape, "--venue", "TESTEX"]
        with started(*watching) as watcher:
            watcher.wait_for("UTC +stock")
            trading = [*OPTIMIZED, "-m", "bots", "market-maker", "taker", "noise"]
            with started(*trading, "--url", url, "--orders", "10", "--pause", "0.01") as bots:
                assert bots.wait() == 0, bots.log()
                assert "Total: 30 orders sent, 30 of them placed" in bots.log()
            watcher.wait_for("FOOBAR")
        assert exchange.end() == 0 and "Traceback" not in exchange.log(), exchange.log()
    with started(
        *OPTIMIZED, "-m", "disorderbook", *database, "--export", str(tmp_path)
    ) as exporting:
        assert exporting.wait() == 0, exporting.log()
    assert (tmp_path / "orders.csv").read_text().count("\n") == 31


def test_a_private_exchange_works() -> None:
    program = (
        "import disorderbook\n"
        "with disorderbook.serve() as exchange:\n"
        "    with disorderbook.Market('TESTEX', 'FOOBAR', 'ME', url=exchange.url) as market:\n"
        "        print(market.buy(5000, 9).total_filled, market.sell(5000, 9).total_filled)\n"
    )
    ended = run([*OPTIMIZED, "-c", program], timeout=PATIENCE, cwd=ROOT)
    assert (ended.returncode, ended.stdout) == (0, "0 9\n"), ended.stderr
