"""Playing a level in simulated time: the player's view, the end, and determinism."""

import json
from typing import Any

import pytest

from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import BUY
from disorderbook.errors import NoSuchLevel
from disorderbook.game.levels import LEVELS
from disorderbook.game.run import Run
from disorderbook.game.simulation import PlayerView, play
from disorderbook.traders.market_view import MarketView, Strategy


class Buyer(Strategy):
    """Buys 30 shares at the market at each look, and notes what he sees."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, str, object]] = []

    def step(self, market: MarketView) -> None:
        assert isinstance(market, PlayerView)
        self.seen.append((market.day, market.state, market.flash))
        market.take(BUY, market.rng.randint(20, 40))


def test_a_player_wins_the_first_level_and_is_asked_no_more() -> None:
    player = Buyer()
    result = play("first_steps", 1, player)
    assert result.state == "won" and result.shares >= 100 and result.day in (4, 5)
    assert result.flash and list(result.flash) == ["success"]
    assert [day for day, _, _ in player.seen] == list(range(result.day))
    assert {state for _, state, _ in player.seen} == {"open"}


def test_he_may_look_more_often() -> None:
    player = Buyer()
    assert play("first_steps", 1, player, looks=5).day == 1
    assert [day for day, _, _ in player.seen] == [0] * 5


def test_without_a_player_a_level_is_played_to_its_end() -> None:
    days: list[int] = []
    result = play("first_steps", 1, after_day=lambda run: days.append(run.day))
    assert days == list(range(500)) and result.state == "lost" and result.run.is_over
    assert play("first_steps", 1, days=20).state == "open"


def test_an_unknown_level_is_refused_with_the_names_of_all() -> None:
    with pytest.raises(NoSuchLevel) as refusal:
        play("last_steps", 1)
    assert all(name in str(refusal.value) for name in LEVELS)


@pytest.mark.parametrize(
    "name, values",
    [
        ("seed", (-1, 2**53, 1.5, "7", True, None)),
        ("days", (0, -1, 501, 1.5)),
        ("looks", (-1, 10**6, "1")),
    ],
)
def test_a_number_that_cannot_be_used_is_refused(name: str, values: tuple[object, ...]) -> None:
    for value in values:
        arguments: dict[str, Any] = {"seed": 1, "days": 1, name: value}
        with pytest.raises(ValueError, match=f"{name} is an integer from [01] to [0-9]+, and not "):
            play("first_steps", **arguments)


def everything(name: str, seed: int) -> bytes:
    """Every order, execution and flash of 30 days, as bytes."""
    told: list[object] = []

    def publish(book: OrderBook, executions: object) -> None:
        newest = book.find(book.next_id - 1)
        assert newest is not None
        told.append([newest.id, newest.account, newest.side.name, newest.price, newest.quantity])
        told.append([book.quote_time, book.event_count])
        for each in executions:  # type: ignore[attr-defined]
            assert isinstance(each, Execution)
            told.append([each.standing.id, each.incoming.id, each.price, each.quantity, each.ts])

    def after_day(run: Run) -> None:
        told.append([run.day, run.state, run.flash])

    play(name, seed, Buyer(), 30, publishers=[publish], after_day=after_day)
    return json.dumps(told).encode()


@pytest.mark.parametrize("name", LEVELS)
def test_the_same_seed_and_player_give_the_same_bytes(name: str) -> None:
    first = everything(name, 11)
    assert len(first) > 1000
    assert everything(name, 11) == first
    assert everything(name, 12) != first
