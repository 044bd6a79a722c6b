"""The generators of chance that an instance of a level draws from.

An instance follows from its seed. So that it can go on after a restart in the middle of a day, it
draws nothing from one long stream, whose place somebody would have to store: each bot has a stream
of its own for each of its turns, which follows from (seed, bot, day, round), and so have the days'
plans and the fair value.

Python's own generator takes 10 microseconds to begin a stream, more than an order does. This one
(splitmix64, by Steele, Lea and Flood, 2014) takes one, and is a counter that is scrambled: any
number may begin a stream.
"""

import random
from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

MAX_SEED = 2**53 - 1  # what a browser can count to
MASK = (1 << 64) - 1
STEP = 0x9E3779B97F4A7C15
STREAM = 0xD1342543DE82EF95  # odd, so streams of different numbers begin at different places
MOST_ROUNDS, MOST_BOTS = 1 << 6, 1 << 8
PLAN, VALUE, NAMES, START = range(MOST_BOTS, MOST_BOTS + 4)  # streams of no bot


class Chance(random.Random):
    """A generator of floats in [0, 1), and of all that random.Random makes of them."""

    _state = _seed = 0
    _base = 0  # that of the seed: scrambled(0)

    def begin(self, seed: int, stream: int, day: int = 0, round: int = 0) -> None:
        """Go on with the stream of a bot (by its number) or of one of those above."""
        if seed != self._seed:
            self._seed, self._base = seed, scrambled(seed)
        number = (day * 2 * MOST_BOTS + stream) * MOST_ROUNDS + round
        self._state = (self._base + number * STREAM) & MASK
        self.gauss_next = None

    def shuffled(self, items: Iterable[T]) -> list[T]:
        """The items in random order."""
        draw = self.random
        return sorted(items, key=lambda item: draw())

    def drawn(self, items: Sequence[T], count: int) -> list[T]:
        """So many different ones of the items, in random order."""
        if count > len(items) // 2:
            return self.shuffled(items)[:count]
        places: list[int] = []
        while len(places) < count:
            place = int(self.random() * len(items))
            if place not in places:
                places.append(place)
        return [items[place] for place in places]

    def random(self) -> float:
        """The next number of the stream."""
        self._state = number = (self._state + STEP) & MASK
        # `scrambled`, written out: bots draw more numbers than they place orders.
        number = ((number ^ number >> 30) * 0xBF58476D1CE4E5B9) & MASK
        number = ((number ^ number >> 27) * 0x94D049BB133111EB) & MASK
        return ((number ^ number >> 31) >> 11) * 2.0**-53


def scrambled(number: int) -> int:
    """64 bits of which each depends on every bit of the number's last 64."""
    number &= MASK
    number = ((number ^ number >> 30) * 0xBF58476D1CE4E5B9) & MASK
    number = ((number ^ number >> 27) * 0x94D049BB133111EB) & MASK
    return number ^ number >> 31
