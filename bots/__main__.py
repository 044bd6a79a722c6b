"""`python3 -m bots`: lists the bots, or runs several of them in one process."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # as when a script here is started

if __name__ == "__main__":
    from start import run_bots

    sys.exit(run_bots(program="python3 -m bots"))
