"""Starts bots of the package that stands beside this folder, or says what is not installed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
try:
    from disorderbook.runner.command import run_bot, run_bots
except KeyboardInterrupt:  # before there was anything to stop
    sys.exit(0)
except ModuleNotFoundError as missing:
    sys.exit(
        f"The package {missing.name} is missing; run: python3 -m pip install {missing.name}"
        " (or start this with .venv/bin/python, if the README's set-up was used)."
    )

__all__ = ["run_bot", "run_bots"]
