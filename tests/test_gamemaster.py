"""Instances of levels."""

import re

import pytest

from disorderbook.errors import NoSuchInstance
from disorderbook.gamemaster import (
    END_OF_THE_WORLD_DAY, MAX_INSTANCES, NANOSECONDS_PER_TRADING_DAY, GameMaster,
)


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


def test_the_oldest_instance_is_forgotten_beyond_the_limit() -> None:
    master = GameMaster()
    instances = [master.start("ANN", 0) for _ in range(MAX_INSTANCES + 1)]
    with pytest.raises(NoSuchInstance):
        master.instance(instances[0].id)
    assert master.instance(instances[1].id) is instances[1]
    assert master.instance(instances[-1].id) is instances[-1]
