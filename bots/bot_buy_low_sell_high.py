# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
Wait for a price; then sell 50 cents above it while owning shares, buy 50 cents below it while
owing shares, and either of them at random while having none. Print shares, cents and NAV at each
step, and cancel the oldest order beyond ten."""

import sys
from typing import Any

from command_line import Bot, main
from stockfighter_minimal import Client
from trader import Trader

QUANTITY = 100  # shares of an order
DISTANCE = 50  # cents from the last price
RESTING = 10  # orders it leaves in the book


class BuyLowSellHigh(Trader):
    """Trades against its own position, so that it stays near zero."""

    def __init__(self, client: Client, **knobs: Any) -> None:
        super().__init__(client, **knobs)
        self._is_waiting = False

    def step(self) -> None:
        self.look_after_orders()
        price = self.last_price()
        if price is None:
            self._say_once_that_it_waits()
            return
        nav = self.cents + self.shares * price
        self.say(f"Shares: {self.shares}, cents: {self.cents}, NAV: {nav} (last price {price})")
        if self._wants_to_sell():
            self.place("sell", QUANTITY, price + DISTANCE)
        else:
            self.place("buy", QUANTITY, price - DISTANCE)
        self.cancel_oldest(beyond=RESTING)

    def _wants_to_sell(self) -> bool:
        return self.shares > 0 or (self.shares == 0 and self.rng.random() < 0.5)

    def _say_once_that_it_waits(self) -> None:
        if not self._is_waiting:
            self.say(f"Waiting for a price of {self.symbol} at {self.venue}.")
        self._is_waiting = True


BOT = Bot(BuyLowSellHigh, "BLSHBOTS", "blshkey", pause=(1, 1))

if __name__ == "__main__":
    sys.exit(main(__doc__, BOT))
