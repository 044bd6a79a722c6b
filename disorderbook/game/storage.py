"""How an instance of a level is stored: as a line of JSON, from which it goes on after a restart.

The book, with the orders of the bots in it, is the ledger's. Beside it is stored what `Run.stored`
tells and what the instance adds to it. Times are as they were; `restored` is told for how long the
clock stood still, and moves those that are to come.
"""

import json
from typing import Any

import msgspec

from disorderbook.exchange import Exchange, Titles
from disorderbook.game.instance import LevelInstance, Standing
from disorderbook.game.levels import LEVELS
from disorderbook.game.referee import Goal, Portfolio
from disorderbook.game.run import Place, Run
from disorderbook.ledger.base import InstanceState

# What is stored as it is. `run` and `last` are not: the one is there until the other is.
_PLAIN = (
    "seed",
    "seed_chosen",
    "tries",
    "started",
    "is_paused",
    "paused_at",
    "stop_after",
    "assisted",
    "decided_on",
)


def stored(instance: LevelInstance, now: int) -> InstanceState:
    """How an instance stands at `now`, nanoseconds since 1970."""
    run, last = instance.run, instance.last
    state: dict[str, Any] = {name: getattr(instance, name) for name in _PLAIN}
    state |= {
        "player": instance.player,
        "level": instance.level.name,
        "place": instance.place,
        "titles": instance.titles,
        "fills": instance.fills_by_day,
        "run": None if run is None else run.stored(),
        "acted_at": None if run is None else run.acted_at,
        "last": last,
    }
    return InstanceState(instance.id, now, _json(state))


def restored(state: InstanceState, exchange: Exchange, stood: int) -> LevelInstance:
    """The instance that is so stored, after its clock stood still for so many nanoseconds. The book
    of a run that goes on is that of its venue, which is reserved anew; its fills are still missing.
    """
    values = json.loads(state.state)
    instance = LevelInstance(state.id, values["player"], LEVELS[values["level"]])
    place, titles, run = Place(*values["place"]), Titles(*values["titles"]), None
    if values["run"] is not None:
        exchange.restore_reserved(place.venue, titles)
        run = Run.restored(values["run"], exchange, values["acted_at"] + stood)
    instance.clear(run, place, titles)
    for name in _PLAIN:
        setattr(instance, name, values[name])
    if instance.paused_at is not None:
        instance.paused_at += stood
    instance.last = None if values["last"] is None else _standing(*values["last"])
    return instance


def stored_fills(state: InstanceState) -> dict[str, int]:
    """How many fills of the player each day has had."""
    fills: dict[str, int] = json.loads(state.state)["fills"]
    return fills


def _json(state: dict[str, Any]) -> str:
    try:
        return msgspec.json.encode(state).decode()  # a tenth of the time
    except OverflowError:
        return json.dumps(state)  # also of cash that 64 bits cannot hold


def _standing(
    state: str,
    flash: dict[str, str] | None,
    trading_day: int | None,
    progress: float,
    holding: list[int] | None,
    rank: int | None,
    goal: list[Any],
) -> Standing:
    portfolio = None if holding is None else Portfolio(*holding)
    return Standing(state, flash, trading_day, progress, portfolio, rank, Goal(*goal))
