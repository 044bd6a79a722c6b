"""Place limit orders with any price and any quantity that the exchange takes, up to 2147483647,
and cancel the oldest beyond ten."""

import sys
from functools import partial

from command_line import Defaults, main
from noise_trader import EXTREME, NoiseTrader

if __name__ == "__main__":
    make_trader = partial(NoiseTrader, noise=EXTREME)
    sys.exit(main(__doc__, make_trader, Defaults("EXTREMEBOT", "extremekey")))
