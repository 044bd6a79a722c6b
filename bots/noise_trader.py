"""The noise trader: random limit orders around the last price, or at any price at all."""

from typing import Any, NamedTuple

from stockfighter_minimal import Client
from trader import FIRST_PRICE, LARGEST, Trader


class Noise(NamedTuple):
    """What kind of noise: the knobs of a NoiseTrader."""

    spread: int | None = 100  # cents that a price may be away from the last one; None: any price
    least: int = 50  # shares of an order
    most: int = 150
    resting: int = 10  # orders it leaves in the book


EXTREME = Noise(spread=None, least=1, most=LARGEST)


class NoiseTrader(Trader):
    """Each step places one random order and cancels the oldest beyond those it may leave."""

    def __init__(self, client: Client, *, noise: Noise = Noise(), **knobs: Any) -> None:
        super().__init__(client, **knobs)
        self.noise = noise

    def step(self) -> None:
        direction = self.rng.choice(("buy", "sell"))
        quantity = self.rng.randint(self.noise.least, self.noise.most)
        self.place(direction, quantity, self._price())
        self.cancel_oldest(beyond=self.noise.resting)

    def _price(self) -> int:
        if self.noise.spread is None:
            return self.rng.randint(1, LARGEST)
        distance = self.rng.randint(-self.noise.spread, self.noise.spread)
        return (self.last_price() or FIRST_PRICE) + distance
