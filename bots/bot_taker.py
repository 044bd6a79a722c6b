# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
Send market orders of 10 to 60 shares to buy or to sell, at random intervals of half a second on
average. What they do not get at once they do without: nothing rests."""

import sys

from command_line import Bot, main
from trader import Trader

LEAST, MOST = 10, 60  # shares of an order


class Taker(Trader):
    """Each step takes what somebody else has offered, if there is any."""

    def step(self) -> None:
        direction = self.rng.choice(("buy", "sell"))
        self.take(direction, self.rng.randint(LEAST, MOST))


BOT = Bot(Taker, "TAKERBOTS", "takerkey", pause=(0.1, 0.9))

if __name__ == "__main__":
    sys.exit(main(__doc__, BOT))
