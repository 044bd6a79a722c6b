"""The tables follow while nothing else happens."""

import sqlite3
import threading
from pathlib import Path

import pytest
from durable_market import Stoppable, play, sell

from disorderbook.errors import CannotKeep, CannotRead, Unavailable
from disorderbook.ledger import checkpoints
from disorderbook.ledger.checkpoints import Upkeep

PATIENCE = 20.0  # seconds


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "SETTLE_SECONDS", 0.01)


def test_an_idle_market_is_in_its_tables_soon(tmp_path: Path) -> None:
    market, settled = Stoppable(tmp_path / "market.db"), threading.Event()

    def settle() -> None:
        market.exchange.settle()
        settled.set()

    for _ in range(3):
        play(market.exchange, (("V", "S"), sell(1)))
    with Upkeep(settle):
        assert settled.wait(PATIENCE)
    reader = sqlite3.connect(tmp_path / "market.db")
    assert reader.execute("SELECT count(*) FROM orders").fetchone() == (3,)
    assert reader.execute("SELECT count(*) FROM journal").fetchone() == (0,)
    reader.close()
    market.exchange.close()


@pytest.mark.parametrize("fault", [CannotKeep, CannotRead])
def test_it_goes_on_when_nothing_can_be_kept_and_ends_with_its_block(
    fault: type[Unavailable],
) -> None:
    calls, enough = [], threading.Event()

    def settle() -> None:
        calls.append(None)
        if len(calls) == 3:
            enough.set()
        raise fault

    keeping = Upkeep(settle)
    with keeping:
        assert enough.wait(PATIENCE)
    assert not keeping._thread.is_alive()
