"""The benchmark of the levels: what it compares, and the tables that it keeps in docs/game.md."""

import importlib.util
import re
from types import ModuleType

import pytest
from level_players import NAIVE, WINNERS
from level_statistics import BOUNDS
from live import ROOT

from disorderbook.engine.book import OrderBook
from disorderbook.game import play

PAGE = (ROOT / "docs" / "game.md").read_text()


@pytest.fixture(scope="module")
def levels() -> ModuleType:
    spec = importlib.util.spec_from_file_location("levels", ROOT / "benchmarks" / "levels.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def table(name: str) -> list[list[str]]:
    """The cells of a table's rows."""
    found = re.search(f"<!-- {name}: begin -->\n(.*?)\n<!-- {name}: end -->", PAGE, re.DOTALL)
    assert found is not None
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in found[1].split("\n")[2:]]


def test_the_bare_book_is_sent_the_same_orders(levels: ModuleType) -> None:
    book = play("dueling_bulldozers", 1, days=40).run.book
    again = OrderBook("V", "S", 0)
    for ts, command in enumerate(levels.commands(book)):
        if isinstance(command, int):
            order = again.find(command)
            assert order is not None and order.is_open
            again.cancel(order, ts)
        else:
            again.submit(command, ts)
    assert (again.next_id, again.event_count) == (book.next_id, book.event_count)
    assert again.execution_count == book.execution_count > 0


def test_a_table_is_written_between_its_marks(
    levels: ModuleType, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = ROOT.__class__(str(tmp_path)) / "game.md"
    page.write_text("before\n<!-- cost: begin -->\nold\n<!-- cost: end -->\nafter\n")
    monkeypatch.setattr(levels, "PAGE", page)
    levels.write("cost", ["| new |"])
    text = "before\n<!-- cost: begin -->\n| new |\n<!-- cost: end -->\nafter\n"
    assert page.read_text() == text
    with pytest.raises(SystemExit):
        levels.write("wins", [])


def test_the_page_has_every_figure_and_every_player() -> None:
    figures = [(row[0].strip("`"), row[1]) for row in table("statistics")]
    assert figures == [(bound.level, bound.figure) for bound in BOUNDS]
    players = [(row[0].strip("`"), row[1]) for row in table("wins")]
    assert players == [(contest.level, contest.name) for contest in WINNERS + NAIVE]
    assert len(table("cost")) == 6


def test_the_load_of_running_levels_is_measured(levels: ModuleType) -> None:
    load = levels.running_load(5, ("--day-seconds", "0.2"), 0.5)
    assert load.core > 0 and 0 < load.p50 <= load.p99


def test_the_page_has_the_load_with_and_without_a_file() -> None:
    rows = table("load")
    assert [row[1] for row in rows] == ["0", "200"] * 2
    assert len({row[0] for row in rows}) == 2
