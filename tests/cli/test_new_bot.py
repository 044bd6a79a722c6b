"""Bots to begin with: each trades as it was written, and replaces nothing."""

import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import disorderbook
from disorderbook import Market
from disorderbook.cli.main import main
from disorderbook.game.levels import LEVELS

STEPS = 6


class Over(Exception):
    """The bot has slept often enough."""


def run(bot: str, while_asleep: Callable[[], None]) -> None:
    """Run a program whose sleeps are short, until it has slept STEPS times."""
    steps = iter(range(STEPS))

    def sleep(seconds: float) -> None:
        if next(steps, None) is None:
            raise Over
        while_asleep()

    assert bot.count("time.sleep(") == 1
    bot = bot.replace("time.sleep(", "sleep(")
    with pytest.raises(Over):
        exec(compile(bot, "mybot.py", "exec"), {"__name__": "__main__", "sleep": sleep})


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """What a bot sets in its environment, or for Ctrl-C, is gone after a test."""
    before, handler = dict(os.environ), signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, handler)
    os.environ.clear()
    os.environ.update(before)


def refused(*arguments: str) -> str:
    """The sentence with which a bot is not written."""
    with pytest.MonkeyPatch.context() as patch, io.StringIO() as told:
        patch.setattr(sys, "stderr", told)
        try:
            assert main(arguments) == 2
        except SystemExit as fault:
            assert fault.code == 2
        return told.getvalue()


def test_a_bot_trades_at_an_exchange_that_was_started_by_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mybot.py"
    assert main(["new-bot", str(file)]) == 0
    again = f"disorderbook run {file} --days 20 --seed 7"
    assert capsys.readouterr().out == f"Wrote {file}; try it with: {again}\n"
    assert 25 <= len(file.read_text().splitlines()) <= 45
    with (
        disorderbook.serve() as exchange,
        Market(exchange.venue, exchange.symbol, "OTHER", url=exchange.url) as other,
        Market(exchange.venue, exchange.symbol, "MYBOT", url=exchange.url) as own,
    ):
        os.environ["DISORDERBOOK_URL"] = exchange.url

        def trade() -> None:
            other.buy(5000, 1)
            other.sell(5000, 1)
            other.buy(5020, 5)  # which takes what the bot asks for

        run(file.read_text(), trade)
        orders = own.orders()
    assert len(orders) == 2 * STEPS and {order.direction for order in orders} == {"buy", "sell"}
    assert sum(order.total_filled for order in orders) > 0
    assert len([order for order in orders if order.open]) == 2


@pytest.mark.parametrize("level", LEVELS)
def test_a_bot_for_a_level_starts_it_and_trades(level: str, tmp_path: Path) -> None:
    file = tmp_path / "mybot.py"
    assert main(["new-bot", str(file), "--level", level]) == 0
    with disorderbook.serve(day_seconds=0.05, seed=1, websockets=True) as exchange:
        os.environ["DISORDERBOOK_URL"] = exchange.url
        here = f"127.0.0.1:{exchange.port}"
        bot = file.read_text().replace("127.0.0.1:8000", here)
        assert here in bot
        run(bot, lambda: None)
        venue, symbol = os.environ["DISORDERBOOK_VENUE"], os.environ["DISORDERBOOK_SYMBOL"]
        account = os.environ["DISORDERBOOK_ACCOUNT"]
        with Market(venue, symbol, account, url=exchange.url) as market:
            assert len(market.orders()) > 1


def test_it_replaces_nothing(tmp_path: Path) -> None:
    file = tmp_path / "mybot.py"
    file.write_text("precious")
    assert f"{file} is there already, and a new bot replaces" in refused("new-bot", str(file))
    assert file.read_text() == "precious"
    nowhere = str(tmp_path / "nowhere" / "mybot.py")
    assert f"Cannot write {nowhere}: No such file" in refused("new-bot", nowhere)
    assert "choose from" in refused("new-bot", str(tmp_path / "b.py"), "--level", "sell")
    assert not (tmp_path / "b.py").exists()
