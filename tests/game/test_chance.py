"""Streams of chance follow from their numbers, and look like chance."""

import statistics

from disorderbook.game.chance import NAMES, PLAN, START, VALUE, Chance


def stream(*numbers: int) -> list[float]:
    chance = Chance()
    chance.begin(*numbers)
    return [chance.random() for _ in range(50)]


def test_the_same_numbers_give_the_same_stream_and_others_another() -> None:
    keys = [
        (seed, number, day, round)
        for seed in (0, 1, 2**63)
        for number in (0, 1, 255, PLAN, VALUE, NAMES, START)
        for day in (0, 1, 499)
        for round in (0, 1)
    ]
    streams = [stream(*key) for key in keys]
    assert streams == [stream(*key) for key in keys]
    firsts = {number for numbers in streams for number in numbers}
    assert len(firsts) == 50 * len(keys)


def test_what_was_drawn_before_does_not_matter() -> None:
    chance = Chance()
    chance.begin(1, 2)
    chance.gauss(0, 1)
    chance.begin(1, 3)
    first = chance.gauss(0, 1)
    chance.begin(1, 3)
    assert first == chance.gauss(0, 1)


def test_first_numbers_of_neighbouring_streams_are_even_and_independent() -> None:
    for step in (1, 7):
        firsts = [stream(step, bot, day)[0] for bot in range(40) for day in range(40)]
        assert abs(statistics.mean(firsts) - 0.5) < 0.03
        assert abs(statistics.pstdev(firsts) - 12**-0.5) < 0.02
        assert abs(statistics.correlation(firsts, firsts[1:] + firsts[:1])) < 0.08


def test_it_draws_whole_numbers_and_orders_too() -> None:
    chance = Chance()
    chance.begin(1, 2)
    assert {chance.randint(1, 6) for _ in range(200)} == {1, 2, 3, 4, 5, 6}
    cards = list(range(10))
    assert cards != chance.shuffled(cards) and sorted(chance.shuffled(cards)) == cards
    for count in range(11):
        drawn = [tuple(chance.drawn(cards, count)) for _ in range(50)]
        assert all(len({*each}) == count and {*each} <= {*cards} for each in drawn)
        assert len({*drawn}) >= min(7, 10**count)
