"""The game master: names, room, failures, and what it lets go of."""

import gc
import random
import weakref

import pytest

from disorderbook.accounts import Accounts
from disorderbook.errors import NoSuchInstance, TooManyInstances
from disorderbook.exchange import Exchange, Titles
from disorderbook.game import master as module
from disorderbook.game.master import GameMaster, GameSettings, checked_game
from disorderbook.game.run import Run
from disorderbook.ledger.base import Instance, Ledger


def a_master(**options: object) -> GameMaster:
    exchange = Exchange()
    master = GameMaster(exchange, Accounts(), **options)  # type: ignore[arg-type]
    return master


def test_a_name_is_never_used_again() -> None:
    master = a_master()
    exchange = master._exchange
    master._names = random.Random(1)
    first = master.start("ANN", "first_steps")
    venue = first.place.venue
    master.stop(first)
    master._names = random.Random(1)
    assert master.start("ANN", "first_steps").place.venue != venue
    assert not exchange.is_free(venue) and not exchange.is_free(first.place.venue)


class Recording(Ledger):
    """Keeps what it is told of instances."""

    def __init__(self) -> None:
        self.told: list[tuple[int, Instance | None]] = []

    def record_instance(self, instance_id: int, instance: Instance | None) -> None:
        self.told.append((instance_id, instance))


def test_when_no_name_is_left_nothing_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    master = a_master(has_tape=True)
    instance = master.start("ann", "making_amends")
    place, run = instance.place, instance.run
    monkeypatch.setattr(Exchange, "is_free", lambda *_: False)
    with pytest.raises(TooManyInstances):
        master.restart(instance)
    assert (instance.place, instance.run) == (place, run)
    master.judge(instance, "nobody")
    with pytest.raises(TooManyInstances):
        master.start("ann", "making_amends")
    assert master.current("ann") == [instance] and instance.run is run


def test_the_ledger_is_told_of_ids() -> None:
    ledger = Recording()
    master = a_master(ledger=ledger, last_id=4)
    instance = master.start("ANN", "first_steps")
    account = instance.place.account
    master.restart(instance)
    master.stop(instance)
    told = ledger.told
    assert [number for number, _ in told] == [5, 5, 5] and told[-1][1] is None
    assert told[0][1] is not None and told[0][1].account == account
    assert master.start("ANN", "first_steps").id == 6


def test_without_a_file_no_state_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(module, "stored")  # which takes longer than the order
    master = a_master()
    master.start("ANN", "first_steps")
    with master._exchange.transaction():
        assert master.act()


def test_nothing_of_a_closed_venue_is_held() -> None:
    forgotten: list[object] = []
    master = a_master(forget=[lambda book: forgotten.append(book.venue)])
    instance = master.start("ANN", "making_amends") if master.has_tape else None
    instance = instance or master.start("ANN", "sell_side")
    while master.act():
        pass
    assert instance.run is not None
    book, run = weakref.ref(instance.run.book), weakref.ref(instance.run)
    venue = instance.place.venue
    master.restart(instance)
    gc.collect()
    assert run() is None and book() is None and forgotten == [venue]
    assert venue not in master._accounts.private


def test_of_instances_that_are_over_the_newest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ENDED", 2)
    master = a_master()
    instances = [master.start(player, "first_steps") for player in "abc"]
    for instance in instances:
        assert instance.run is not None
        instance.run.is_over = True
    while master.act():
        pass
    with pytest.raises(NoSuchInstance):
        master.instance(instances[0].id)
    assert [master.instance(each.id).run for each in instances[1:]] == [None, None]


def test_a_run_that_fails_is_served_no_more_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    master = a_master()
    bad, good = master.start("ANN", "first_steps"), master.start("ANN", "sell_side")
    act = Run.act

    def fail(run: Run, now: int) -> None:
        if run is bad.run:
            raise ZeroDivisionError
        act(run, now)

    monkeypatch.setattr(Run, "act", fail)
    with pytest.raises(ZeroDivisionError):
        while master.act():
            pass
    while master.act():
        pass
    assert good.run is not None and not good.run.is_opening
    master.stop(bad)


def test_a_venue_that_exists_is_no_levels() -> None:
    exchange = Exchange()
    book = exchange.reserve("LEVEL", "X", Titles("City", "Company"))
    assert exchange.book("LEVEL", "X") is book and not exchange.is_free("LEVEL")


@pytest.mark.parametrize(
    "values", [(0.04, None, 1), (61.0, None, 1), (float("nan"), 0, 1), (5.0, -1, 1), (5.0, None, 0)]
)
def test_settings_that_cannot_be_used_are_refused(values: tuple[float, int | None, int]) -> None:
    with pytest.raises(ValueError, match="and not"):
        checked_game(*values)
    assert checked_game(0.05, 2**53 - 1, 10_000) == GameSettings(0.05, 2**53 - 1, 10_000)
