"""`python3 -m bots`: lists the bots, or runs several of them in one process."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # as when a script here is started

if __name__ == "__main__":
    from start import run_bots

    sys.exit(run_bots(program="python3 -m bots"))
