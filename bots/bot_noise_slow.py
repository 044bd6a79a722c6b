# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
Place a limit order of 50 to 150 shares within 100 cents of the last price (5000 when there is
none) every four seconds, and cancel the oldest beyond ten."""

import sys

from command_line import Bot, main
from noise_trader import NoiseTrader

BOT = Bot(NoiseTrader, "NOISEBOTS", "noisekey", pause=(4, 4))

if __name__ == "__main__":
    sys.exit(main(__doc__, BOT))
