# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
Place limit orders with any price and any quantity that the exchange takes, up to 2147483647,
and cancel the oldest beyond ten."""

import sys
from functools import partial

from command_line import Bot, main
from noise_trader import EXTREME, NoiseTrader

BOT = Bot(partial(NoiseTrader, noise=EXTREME), "EXTREMEBOT", "extremekey")

if __name__ == "__main__":
    sys.exit(main(__doc__, BOT))
