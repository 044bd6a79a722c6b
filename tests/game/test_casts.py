"""Who is in a cast, and whose turn it is when."""

import random
import statistics

import pytest

from disorderbook.game.casts import Bubble, Cast, Conspiracy, Duel, SmallMarket, Turn, inserted
from disorderbook.game.chance import PLAN, START, Chance
from disorderbook.game.identity import account_name
from disorderbook.traders.bulldozer import FIRST_BLOW, LAST_BLOW, LEAVE
from disorderbook.traders.insider import Insider
from disorderbook.traders.momentum_buyer import DAILY, WAVE
from disorderbook.traders.today import Today


def plan(cast: Cast, day: int, seed: int = 1) -> list[Turn]:
    chance = Chance()
    chance.begin(seed, PLAN, day)
    return cast.turns(day, chance)


def test_the_small_market_has_a_maker_ten_noise_traders_and_five_retail() -> None:
    accounts = [member.account for member in SmallMarket(Today(8000), 12_500).members]
    assert accounts == [
        "mm",
        *(f"noise-{n}" for n in range(1, 11)),
        *(f"retail-{n}" for n in range(1, 6)),
    ]


def test_on_day_0_the_maker_is_first_and_retail_buys_twice() -> None:
    cast = SmallMarket(Today(8000), 12_500)
    turns = plan(cast, 0)
    assert turns[0] == Turn(0, 0) and turns[-1] == Turn(0, 2)
    assert all(len([turn for turn in turns if turn.bot == bot]) == 2 for bot in cast.RETAIL)


def test_each_day_has_three_waves_and_two_turns_of_each_noise_trader() -> None:
    cast = SmallMarket(Today(8000), 12_500)
    cuts, later = [], 0
    for day in range(1, 300):
        turns = plan(cast, day)
        assert [turn.round for turn in turns if turn.bot == 0] == [0, 1, 2]
        for bot in cast.NOISE:
            assert [turn.round for turn in turns if turn.bot == bot] == [0, 1]
        buys = [turn for turn in turns if turn.bot in cast.RETAIL]
        later += len(buys) if day > 1 else 0
        cuts.append(turns.index(Turn(0, 0)))
    assert 30 <= later <= 90  # 5 x 298 x 0.04 = 60
    assert min(cuts) == 0 and max(cuts) >= 8 and sorted(cuts)[150] <= 4


def test_a_plan_follows_from_seed_and_day() -> None:
    cast = SmallMarket(Today(8000), 12_500)
    assert plan(cast, 7) == plan(cast, 7) != plan(cast, 8)
    assert plan(cast, 7) != plan(cast, 7, seed=2)


def made(kind: type[Duel] | type[Bubble] | type[Conspiracy], seed: int = 1) -> Cast:
    chance = Chance()
    chance.begin(seed, START)
    names = random.Random(seed)
    return kind(Today(8000), chance, lambda: account_name(names))


def test_turns_are_inserted_at_their_places() -> None:
    turns, others = [Turn(1), Turn(2)], [Turn(8), Turn(9)]
    assert inserted(turns, others, [0.9, 0.0]) == [Turn(8), Turn(1), Turn(2), Turn(9)]
    assert inserted(turns, others, [0.5, 0.5]) == [Turn(1), Turn(8), Turn(9), Turn(2)]


@pytest.mark.parametrize("kind, makers", [(Duel, 1), (Bubble, 1), (Conspiracy, 3)])
def test_makers_requote_2_2_times_a_day(
    kind: type[Duel] | type[Bubble] | type[Conspiracy], makers: int
) -> None:
    cast = made(kind)
    counts = []
    for day in range(500):
        turns = plan(cast, day)
        assert day or turns[0].bot < makers
        for maker in range(makers):
            rounds = [turn.round for turn in turns if turn.bot == maker]
            assert sorted(rounds) == list(range(len(rounds)))
            counts.append(len(rounds))
    assert set(counts) == {2, 3} and statistics.mean(counts) == pytest.approx(2.2, abs=0.07)


def test_attacks_come_every_16_days_three_quarters_of_them_the_sellers() -> None:
    gaps, firsts, attackers = [], [], []
    for seed in range(100):
        cast = made(Duel, seed)
        assert isinstance(cast, Duel)
        days = list(cast.attacks)
        firsts.append(days[0])
        gaps += [later - day for day, later in zip(days, days[1:])]
        attackers += cast.attacks.values()
    assert min(firsts) == 2 and max(firsts) == 24
    quantiles = statistics.quantiles(gaps, n=10)
    assert quantiles[0] == pytest.approx(3, abs=1) and quantiles[4] == pytest.approx(10, rel=0.1)
    assert quantiles[8] == pytest.approx(33, rel=0.15)
    assert statistics.mean(gaps) == pytest.approx(16, rel=0.1)
    assert attackers.count(Duel.SELLER) / len(attackers) == pytest.approx(0.75, abs=0.05)


def test_an_attack_has_two_to_four_blows_in_order_and_ends_in_the_next_burst() -> None:
    cast = made(Duel)
    assert isinstance(cast, Duel)
    lengths = set()
    for day, bot in cast.attacks.items():
        rounds = [t.round for t in plan(cast, day) if t.bot == bot and t.round != LEAVE]
        assert rounds == sorted(rounds) and rounds[0] == FIRST_BLOW and rounds[-1] == LAST_BLOW
        lengths.add(len(rounds))
        if day < 499:
            assert plan(cast, day + 1).index(Turn(bot, LEAVE)) == 1
    assert lengths == {2, 3, 4}
    quiet = next(day for day in range(1, 500) if not {day, day - 1} & cast.attacks.keys())
    assert not [turn for turn in plan(cast, quiet) if turn.bot in (cast.SELLER, cast.BUYER)]


def test_a_bubble_has_waves_on_days_0_and_1_and_every_12_days() -> None:
    cast = made(Bubble)
    sizes = []
    for day in range(100):
        buys = [turn for turn in plan(cast, day) if turn.bot != 0]
        if day in (0, 1, 13, 25, 37, 49, 61, 73, 85, 97):
            assert {turn.bot for turn in buys} == set(range(1, 26))
            assert {turn.round for turn in buys} == {WAVE}
        else:
            assert {turn.round for turn in buys} == {DAILY}
            sizes.append(len(buys))
    assert set(sizes) == {1, 2, 3, 4, 5}


def test_a_conspiracy_has_100_accounts_one_of_them_guilty() -> None:
    cast = made(Conspiracy)
    accounts = [member.account for member in cast.members]
    assert len(set(accounts)) == 100
    (guilty,) = [m.account for m in cast.members if isinstance(m.strategy, Insider)]
    assert cast.culprit == guilty
    assert made(Duel).culprit is made(Bubble).culprit is None


def test_in_a_conspiracy_buyers_buy_on_their_days_and_traders_nearly_daily() -> None:
    cast = made(Conspiracy)
    buys: dict[int, int] = {}
    trades = 0
    for day in range(162):
        turns = plan(cast, day)
        assert sum(turn.bot == Conspiracy.INSIDER for turn in turns) == 1
        trades += sum(turn.bot in Conspiracy.TRADERS for turn in turns)
        buyers = [turn.bot for turn in turns if turn.bot in Conspiracy.BUYERS]
        assert bool(buyers) == (day in (0, 1, *range(11, 162, 12)))
        for bot in buyers:
            buys[bot] = buys.get(bot, 0) + 1
    assert trades / 162 == pytest.approx(24 * 0.97, rel=0.03)
    assert min(buys.values()) <= 3 and 13 <= max(buys.values()) <= 16
