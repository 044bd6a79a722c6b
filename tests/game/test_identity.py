"""Names of accounts, venues and tickers are as the original's were."""

import random
import re

from disorderbook.game.identity import LONGEST_ACCOUNT, identity
from disorderbook.protocol.shard import Shard


def test_names_have_their_forms() -> None:
    draw = random.Random(1)
    names = [identity(draw) for _ in range(500)]
    for name in names:
        assert re.fullmatch("[A-Z]{2,3}[0-9]{4,8}", name.account)
        assert len(name.account) <= LONGEST_ACCOUNT
        assert re.fullmatch("[A-Z]{2,4}EX", name.venue)
        assert re.fullmatch("[A-Z]{2,4}", name.symbol)
    assert len(set(names)) == len(names)


def test_a_shard_stands_before_the_end_of_the_venues_name_and_changes_nothing_else() -> None:
    for seed in range(20):
        plain, sharded = (identity(random.Random(seed), shard=each) for each in (None, Shard(2, 3)))
        assert sharded == plain._replace(venue=f"{plain.venue[:-2]}2EX")


def test_a_level_may_have_an_employer_of_its_own() -> None:
    assert re.fullmatch("CES[0-9]{4,8}", identity(random.Random(1), "CES").account)
