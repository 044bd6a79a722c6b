"""Who is in a cast, and whose turn it is when."""

from disorderbook.game.casts import SmallMarket, Turn
from disorderbook.game.chance import PLAN, Chance
from disorderbook.traders.today import Today


def plan(cast: SmallMarket, day: int, seed: int = 1) -> list[Turn]:
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
