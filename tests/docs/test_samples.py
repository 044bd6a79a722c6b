"""Every sample in README and docs/ is tried as it stands there, but for ports, since tests use free
ones, and for the place of Python.
"""

import ast
import json
import os
import re
import shlex
import signal
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from book_gateway import BookGateway, trade
from documents import DOCS, PAGES, README, ROOT, Block, blocks
from fork_server import run_in_shell
from live import Exchange, running, started
from nginx import require_nginx
from ports import free_port
from program import PYTEST_ALONE
from raw_http import wait_until
from recorded_market import Original

import disorderbook
from disorderbook.cli.main import make_parser
from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import SELL
from disorderbook.traders.market_view import MarketView

# Where the samples are tried that are not tried here: the page, and how they begin.
ELSEWHERE = {
    ("README.md", "import disorderbook"): "tests/docs/test_python.py",
    ("README.md", "from disorderbook import Market"): "tests/docs/test_python.py",
    ("docs/python.md", "import random"): "tests/docs/test_python.py",
    ("docs/python.md", "gaps = 0"): "tests/docs/test_python.py",
    ("docs/python.md", "import uuid"): "tests/docs/test_python.py",
    ("docs/python.md", "position = market.position()"): "tests/docs/test_python.py",
    ("docs/python.md", "market = Market("): "tests/client/test_network_trust.py",
    ("docs/lab.md", "from disorderbook.lab import"): "tests/docs/test_lab.py",
    ("docs/admin.md", "head -c 18"): "tests/docs/test_admin.py",
    ("docs/admin.md", "disorderbook admin"): "tests/docs/test_admin.py",
    ("docs/admin.md", "from disorderbook.client import AdminClient"): "tests/docs/test_admin.py",
    ("docs/rules.md", "[market]"): "tests/docs/test_rules.py",
    ("docs/scale.md", "import asyncio"): "tests/nats/test_publisher.py",
    ("docs/scale.md", "disorderbook -p 8000"): "tests/deploy/test_nginx_venues.py",
    ("docs/testing.md", "docker build"): "tests/deploy/test_container.py",
    ("docs/database.md", "SELECT "): "tests/ledger/test_tables_schema.py",
    ("docs/database.md", "WITH "): "tests/ledger/test_tables_schema.py",
    ("docs/learn.md", ""): "tests/site/test_lessons.py",
    ("docs/old-bots.md", ""): "tests/deploy/test_old_bots.py",
}
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PATH_OF_OURS = re.compile(r"`((?:benchmarks|bots|disorderbook|docs|tests)/[\w./]*)`")
MAKEFILE = (ROOT / "Makefile").read_text()
PYTHON = shlex.quote(sys.executable)
WITHOUT_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def sample(page: Path, start: str) -> str:
    """The one block of a page that begins so; it is tried by the test that asks for it."""
    (found,) = [block.text for block in blocks(page) if block.text.startswith(start)]
    return found


def with_this_python(text: str, python: str = PYTHON) -> str:
    """Commands as they stand in a document, for the Python that runs the tests."""
    text = re.sub(r"^\.venv/bin/python ", f"{python} ", text, flags=re.MULTILINE)
    text = re.sub(r"\bpython3 ", f"{python} ", text)
    text = re.sub(r"^\.venv/bin/disorderbook ", "disorderbook ", text, flags=re.MULTILINE)
    return re.sub(
        r"(^|\$\()disorderbook ", rf"\1{python} -m disorderbook ", text, flags=re.MULTILINE
    )


def shell(text: str, folder: Path = ROOT) -> str:
    """What these commands print; each must end with 0."""
    environment = {**os.environ, **PYTEST_ALONE, "PYTHONPATH": str(ROOT), "no_proxy": "*"}
    text = with_this_python(text, "$PYTHON")
    ended = run_in_shell(text, timeout=100, cwd=folder, env=environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    with running("--websockets", "--wsport", "0") as exchange:
        yield exchange


def tried() -> set[tuple[str, str]]:
    """The page and the beginning of each sample that a test of this file asks for."""
    calls = [
        node
        for node in ast.walk(ast.parse(Path(__file__).read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "sample"
    ]
    pages = {f"DOCS / {page.name!r}": f"docs/{page.name}" for page in PAGES}
    pages |= {"README": "README.md", "CONTRIBUTING": "CONTRIBUTING.md"}
    arguments = [call.args for call in calls]
    return {(pages[ast.unparse(page)], ast.literal_eval(start)) for page, start in arguments}


@pytest.mark.parametrize(
    "block",
    [block for page in PAGES for block in blocks(page)],
    ids=lambda block: f"{block.page}: {block.text[:30].strip()}",
)
def test_every_sample_is_tried_by_some_test(block: Block) -> None:
    known = tried() | ELSEWHERE.keys()
    assert any(block.page == page and block.text.startswith(start) for page, start in known)


@pytest.mark.parametrize("page, start", ELSEWHERE, ids=str)
def test_what_is_tried_elsewhere_is_still_there(page: str, start: str) -> None:
    assert any(block.text.startswith(start) for block in blocks(ROOT / page))
    assert (ROOT / ELSEWHERE[page, start]).exists()


@pytest.mark.parametrize("extra", ["", "[test]"])
def test_the_set_up_is_what_continuous_integration_does(extra: str) -> None:
    command = sample(README, "python3 -m venv .venv && .venv/bin/pip install -e .")
    tests = sample(README, "python3 -m venv .venv && .venv/bin/pip install -e '")
    set_up, install, start = (tests if extra else command).strip().split(" && ")
    carried_out = (ROOT / ".ci" / "run").read_text().replace("install -q --no-compile", "install")
    assert set_up in carried_out and install.replace("-e .", "-e '.[test]'")[:24] in carried_out
    assert start == (
        ".venv/bin/python -m pytest -n auto" if extra else ".venv/bin/python disorderBook_main.py"
    )
    assert not extra or carried_out.endswith(f"\n{start}\n") and start[10:] in MAKEFILE


def test_make_does_what_contributors_are_told_to_call() -> None:
    text = sample(CONTRIBUTING, "make setup") + sample(CONTRIBUTING, "make lint")
    made = re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE)
    prose = re.findall(r"`make ([\w-]+)`", CONTRIBUTING.read_text())
    assert {line.removeprefix("make ") for line in text.splitlines()} | {*prose} <= {*made}


def test_orders_are_placed_as_shown(exchange: Exchange) -> None:
    for text in (
        sample(README, 'curl -d \'{"account": "ME", "direction": "buy"'),
        sample(README, 'curl -d \'{"account": "ME", "direction": "sell"'),
    ):
        printed = shell(text.replace("127.0.0.1:8000", f"127.0.0.1:{exchange.port}"))
    order, quote = printed.splitlines()
    assert json.loads(order)["totalFilled"] == json.loads(quote)["lastSize"] == 5


def test_an_order_is_sent_twice_as_shown(exchange: Exchange) -> None:
    text = sample(DOCS / "protocol.md", 'curl -d \'{"account": "ME", "direction": "buy"')
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{exchange.port}")
    first, again = shell(text), shell(text)
    assert json.loads(first)["ok"] is True and first == again


def test_the_tape_is_started_and_watched_as_shown() -> None:
    start = with_this_python(sample(README, ".venv/bin/python disorderBook_main.py --websockets"))
    _, script, *options = shlex.split(start)
    assert script == "disorderBook_main.py"
    with running(*options, "--wsport", "0") as exchange:
        watch = sample(README, ".venv/bin/pip install -e '.[tape]' && ").partition(" && ")[2]
        url = f"ws://127.0.0.1:{exchange.port}/ob/api/ws/"
        command = [*shlex.split(with_this_python(watch)), "--url", url]
        with started(*command) as watcher:
            assert wait_until(lambda: place(exchange, 4321) and " 4321 " in watcher.log())
            watcher.end(signal.SIGINT)


def place(exchange: Exchange, price: int) -> bool:
    """An order to buy 9 FOOBAR; whether it was taken."""
    order = {"account": "ME", "direction": "buy", "orderType": "limit", "price": price, "qty": 9}
    url = f"{exchange.url}venues/TESTEX/stocks/FOOBAR/orders"
    with WITHOUT_PROXY.open(url, json.dumps(order).encode(), 10) as answer:
        return bool(json.load(answer)["ok"])


@pytest.mark.parametrize("page", [README, DOCS / "bots.md"], ids=["README", "bots"])
def test_bots_are_started_as_shown(exchange: Exchange, page: Path) -> None:
    texts = {
        README: sample(README, ".venv/bin/disorderbook bots "),
        DOCS / "bots.md": sample(DOCS / "bots.md", ".venv/bin/python -m bots "),
    }
    shell(f"{texts[page].strip()} --url {exchange.url} --orders 3 --pause 0")


def test_bots_of_the_package_are_started_as_shown(exchange: Exchange, tmp_path: Path) -> None:
    command = sample(DOCS / "bots.md", "disorderbook bots market-maker taker").strip()
    printed = shell(f"{command} --url {exchange.url} --orders 3 --pause 0", tmp_path)
    assert "Total: 9 orders sent, 9 of them placed" in printed


def test_a_strategy_trades_as_shown() -> None:
    namespace: dict[str, Any] = {}
    exec(sample(DOCS / "bots.md", "from disorderbook.engine.orders import BUY"), namespace)
    book = OrderBook("TESTEX", "FOOBAR", 0)
    view = MarketView(BookGateway(book, "ME"), "ME", seed=1)
    for price in (4901, 4900):
        trade(book, SELL, 10, price)
        namespace["BuyTheDip"]().step(view)
    assert (view.sent, view.shares, view.cents) == (1, 10, -49_000)


@pytest.mark.parametrize("page", [README, DOCS / "bots.md"], ids=["README", "bots"])
def test_a_script_trades_as_shown(exchange: Exchange, page: Path, tmp_path: Path) -> None:
    texts = {
        README: sample(README, "import stockfighter_minimal"),
        DOCS / "bots.md": sample(DOCS / "bots.md", "import stockfighter_minimal"),
    }
    copied = ROOT / "bots" / "stockfighter_minimal.py"
    (tmp_path / copied.name).write_text(copied.read_text())
    first, order = texts[page].splitlines()
    script = f"{first}\nsf.set_web_url({exchange.url!r})\nprint({order}['price'])\n"
    (tmp_path / "script.py").write_text(script)
    assert shell("python3 script.py", tmp_path) == "4990\n"


def test_prometheus_is_told_where_the_metrics_are(exchange: Exchange) -> None:
    yaml = pytest.importorskip("yaml")
    ((scraped,),) = [
        yaml.safe_load(sample(DOCS / "options.md", "scrape_configs"))["scrape_configs"]
    ]
    ((target,),) = [each["targets"] for each in scraped["static_configs"]]
    assert target == f"127.0.0.1:{make_parser().parse_args([]).port}"
    with WITHOUT_PROXY.open(f"http://127.0.0.1:{exchange.port}/metrics", timeout=60) as answer:
        assert b"disorderbook_" in answer.read()


def test_the_ports_file_looks_as_shown(tmp_path: Path) -> None:
    shown = json.loads(sample(DOCS / "platforms.md", '{"pid"'))
    with running("-w", "--wsport", "0", "--ports-file", str(tmp_path / "ports.json")) as exchange:
        exchange.process.wait_for("Connect to")
        real = json.loads((tmp_path / "ports.json").read_text())
    assert real.keys() == shown.keys()
    assert shown["url"].endswith(f":{shown['port']}")


@pytest.mark.slow
def test_a_bot_is_written_and_run_as_shown(tmp_path: Path) -> None:
    (tmp_path / "mybot").write_text("#!/bin/sh\ntest $2 = $DISORDERBOOK_URL && test $4 = ME\n")
    (tmp_path / "mybot").chmod(0o755)
    printed = shell(sample(DOCS / "lab.md", "disorderbook run ./mybot"), tmp_path)
    assert "Of 1 run, 1 ended by itself before that." in printed
    printed = shell(sample(DOCS / "lab.md", "disorderbook new-bot"), tmp_path)
    assert printed.count("P&L") == 3 and "1 of 1 requirements hold" in printed
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert sample(README, ".venv/bin/disorderbook new-bot").replace(".venv/bin/", "") in sample(
        DOCS / "lab.md", "disorderbook new-bot"
    )


def test_a_market_is_copied_as_shown(tmp_path: Path) -> None:
    with disorderbook.serve(database=tmp_path / "market.db"):
        shell(sample(DOCS / "database.md", "disorderbook backup"), tmp_path)
    assert (tmp_path / "copy.db").exists()


def test_a_market_of_version_0_1_is_upgraded_as_shown(tmp_path: Path) -> None:
    old = ROOT / "tests" / "ledger" / "data" / "market-0.1.db"
    for end in ("", "-wal"):
        (tmp_path / f"market.db{end}").write_bytes(Path(f"{old}{end}").read_bytes())
    shell(sample(DOCS / "database.md", "disorderbook upgrade"), tmp_path)
    with disorderbook.serve(database=tmp_path / "new.db") as exchange:
        with disorderbook.Market(exchange.venue, exchange.symbol, "A", url=exchange.url) as market:
            assert market.buy(1, 1).id > 0  # the book goes on


@pytest.mark.slow
def test_a_class_is_run_as_shown(tmp_path: Path) -> None:
    require_nginx()
    shell(sample(DOCS / "classroom.md", "disorderbook class make --students 30"), tmp_path)
    plan = tmp_path / "class" / "class.toml"
    text = re.sub("opponents = .*", "opponents = []", plan.read_text())
    for port in re.findall("port = ([0-9]+)", text):  # so that tests beside this one do not clash
        text = text.replace(f"port = {port} ", f"port = {free_port()} ", 1)
    plan.write_text(text)
    start = sample(DOCS / "classroom.md", "disorderbook class start").split()
    assert start == ["disorderbook", "class", "start", "class"]
    folder = str(tmp_path / "class")
    with started(sys.executable, "-m", *start[:-1], folder) as running_class:
        running_class.wait_for("Type help, or start")
        told = shell(sample(DOCS / "classroom.md", "disorderbook class round start"), tmp_path)
        assert "STUDENT30" in told and "Round 1, Find the price has ended." in told
        assert told.count("the card is class/new-card.html") == 0
        told = shell(sample(DOCS / "classroom.md", "disorderbook class add"), tmp_path)
        assert told.count("the card is class/new-card.html") == 2
        shell(sample(DOCS / "classroom.md", "disorderbook class make --students 12"), tmp_path)
        running_class.end()
    told = shell(sample(DOCS / "classroom.md", "disorderbook class cards"), tmp_path)
    assert "class/cards.html leads to http://192.0.2.7:" in told
    shell(sample(DOCS / "classroom.md", "disorderbook class end"), tmp_path)
    assert "Grace Hopper" in (tmp_path / "class" / "results" / "totals.csv").read_text()


def test_opponents_and_clocks_are_asked_for_as_shown() -> None:
    shown = [
        sample(README, ".venv/bin/python disorderBook_main.py --opponents"),
        sample(DOCS / "lab.md", ".venv/bin/python disorderBook_main.py --opponents"),
    ]
    options = [make_parser().parse_args(shlex.split(text)[2:]) for text in shown]
    assert [len(each.opponents) for each in options] == [5, 5]
    assert [each.seed for each in options] == [7, 7]
    assert [each.clock.kind for each in options] == ["requests", "real"]


def test_a_replay_is_asked_for_as_shown() -> None:
    shown = shlex.split(sample(DOCS / "lab.md", "disorderbook replay"))
    options = make_parser().parse_args(shown[1:])
    assert (options.replay, options.clock.kind, options.port) == ("market.db", "stepped", 8000)


def test_a_client_trades_in_a_replay_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Original(tmp_path / "market.db").trade(200).close()
    monkeypatch.chdir(tmp_path)
    exec(
        compile(sample(DOCS / "testing.md", "import disorderbook\n\nwith"), "testing.md", "exec"),
        {},
    )
    assert capsys.readouterr().out == "1 shares, 0 differ\n"


@pytest.mark.slow
def test_clients_are_tested_as_shown(tmp_path: Path) -> None:
    """By the steps of the job, in the folder of a client that has the test that is shown."""
    yaml = pytest.importorskip("yaml")
    (tmp_path / "test_shown.py").write_text(sample(DOCS / "testing.md", "import pytest"))
    (tmp_path / "test_shared.py").write_text(
        sample(DOCS / "testing.md", "import disorderbook\nimport")
    )
    (job,) = yaml.safe_load(sample(DOCS / "testing.md", "on: [push"))["jobs"].values()
    install, python, other = [step["run"] for step in job["steps"] if "run" in step]
    assert shlex.split(install)[-2:] == ["./disorderBook[tape]", "pytest"]
    assert "4 passed" in shell(python, tmp_path)
    assert other == sample(DOCS / "testing.md", "disorderbook -p 0")
    assert '{"ok":true,"error":""}' in shell(other, tmp_path)
    assert not (tmp_path / "ports.json").exists()


def test_the_journal_is_asserted_on_as_shown() -> None:
    names: dict[str, Any] = {"Market": disorderbook.Market}
    exec(sample(DOCS / "testing.md", "def test_the_client_sends"), names)
    with disorderbook.serve() as exchange:
        names["test_the_client_sends_one_order"](exchange)


def test_faults_are_asked_for_as_shown() -> None:
    names: dict[str, Any] = {"Market": disorderbook.Market}
    exec(sample(DOCS / "testing.md", "def test_an_order_whose_answer_is_lost"), names)
    curl = sample(DOCS / "testing.md", 'curl -d \'{"kind": "status"')
    with disorderbook.serve(control=True) as exchange:
        names["test_an_order_whose_answer_is_lost_is_placed_once"](exchange)
        assert [each.struck for each in exchange.control.faults] == [1]
        shell(curl.replace("http://127.0.0.1:8000", exchange.url))
        assert [(each.kind, each.status, each.next) for each in exchange.control.faults][1:] == [
            ("status", 503, 3)
        ]


def test_the_recipes_name_files_that_are_there() -> None:
    named = set(PATH_OF_OURS.findall(CONTRIBUTING.read_text())) - {"bots/bot_NAME.py"}
    assert len(named) > 20 and [path for path in named if not (ROOT / path).exists()] == []


def test_the_player_of_game_md_wins_the_first_level(capsys: pytest.CaptureFixture[str]) -> None:
    exec(
        compile(sample(DOCS / "game.md", "from disorderbook.engine.orders"), "game.md", "exec"), {}
    )
    assert capsys.readouterr().out.startswith("won 10 {'success': ")


@pytest.mark.slow
def test_the_first_level_is_won_over_http_as_shown(tmp_path: Path) -> None:
    with running("--day-seconds", "0.4", "--seed", "1") as exchange:
        here = f"127.0.0.1:{exchange.port}"
        curl = sample(DOCS / "game.md", "game=http").replace("127.0.0.1:8000", here)
        bot = sample(DOCS / "game.md", "import time").replace("127.0.0.1:8000", here)
        assert "127.0.0.1:8000" not in curl + bot
        won = json.loads(shell(curl.replace("sleep 1", "sleep 0.1"), tmp_path).splitlines()[-1])
        (tmp_path / "bot.py").write_text(bot)
        assert shell("python3 -W error bot.py", tmp_path).startswith("won 100 {'success': ")
    assert won["state"] == "won" and list(won["flash"]) == ["success"]
