"""Instances of levels."""

import re

import pytest

from disorderbook.errors import NoSuchInstance
from disorderbook.game.instances import MAX_INSTANCES, GameMaster
from disorderbook.ledger.base import END_OF_THE_WORLD_DAY, NANOSECONDS_PER_TRADING_DAY, Instance


def test_an_account_is_ten_random_capitals_and_digits() -> None:
    master = GameMaster()
    accounts = {master.start(None, 0).account for _ in range(20)}
    assert len(accounts) == 20
    assert all(re.fullmatch("[A-Z0-9]{10}", account) for account in accounts)


def test_a_given_account_is_kept() -> None:
    master = GameMaster()
    instance = master.start("ANN", 0)
    master.restart(instance, "ANN", 1)
    assert instance.account == "ANN"


def test_a_restart_begins_again_with_a_new_account() -> None:
    master = GameMaster()
    instance = master.start(None, 0)
    before = instance.account
    master.restart(instance, None, NANOSECONDS_PER_TRADING_DAY)
    assert master.instance(instance.id).account != before
    assert instance.trading_day(NANOSECONDS_PER_TRADING_DAY) == 0


def test_days_pass_until_the_world_ends() -> None:
    instance = GameMaster().start(None, 7)
    assert instance.trading_day(7 + 3 * NANOSECONDS_PER_TRADING_DAY - 1) == 2
    assert instance.trading_day(7 + 3 * NANOSECONDS_PER_TRADING_DAY) == 3
    assert instance.trading_day(10**20) == END_OF_THE_WORLD_DAY


def test_a_stopped_instance_is_unknown() -> None:
    master = GameMaster()
    instance = master.start(None, 0)
    master.stop(instance)
    with pytest.raises(NoSuchInstance):
        master.instance(instance.id)


def is_there(master: GameMaster, instance: Instance) -> bool:
    try:
        return master.instance(instance.id) is instance
    except NoSuchInstance:
        return False


def test_who_starts_very_many_pushes_out_his_own_alone() -> None:
    master = GameMaster()
    others = [master.start(name, 0) for name in ("BOB", "CAT")]
    own = [master.start("ANN", 0) for _ in range(2 * MAX_INSTANCES)]
    assert all(is_there(master, instance) for instance in others)
    kept = own[-MAX_INSTANCES + len(others) :]
    assert [instance for instance in own if is_there(master, instance)] == kept


def test_who_has_none_takes_the_place_of_one_who_has_most() -> None:
    master = GameMaster()
    others = [master.start(name, 0) for name in ("BOB", "CAT", "CAT")]
    own = [master.start("ANN", 0) for _ in range(MAX_INSTANCES - len(others))]
    others += [master.start(f"NEW{number}", 0) for number in range(100)]
    assert all(is_there(master, instance) for instance in others)
    assert [instance for instance in own if is_there(master, instance)] == own[100:]


def test_a_player_who_has_some_takes_his_own_place_though_others_have_more() -> None:
    master = GameMaster()
    many = [master.start("ANN", 0) for _ in range(MAX_INSTANCES - 1)]
    first = master.start("BOB", 0)
    second = master.start("BOB", 0)
    assert all(is_there(master, instance) for instance in (*many, second))
    assert not is_there(master, first)


@pytest.mark.parametrize("account", ["ANN", None])
def test_the_oldest_instance_is_forgotten_beyond_the_limit(account: str | None) -> None:
    master = GameMaster()
    instances = [master.start(account, 0) for _ in range(MAX_INSTANCES + 1)]
    with pytest.raises(NoSuchInstance):
        master.instance(instances[0].id)
    assert master.instance(instances[1].id) is instances[1]
    assert master.instance(instances[-1].id) is instances[-1]
