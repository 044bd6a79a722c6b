"""Starts bots of the package that stands beside this folder, or says what is not installed."""

import os
import signal
import sys

# Until there is something to stop, Ctrl-C ends the process without a word, also amid the imports.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
try:
    from disorderbook.runner.command import run_bot, run_bots
except ModuleNotFoundError as missing:
    sys.exit(
        f"The package {missing.name} is missing; run: python3 -m pip install {missing.name}"
        " (or start this with .venv/bin/python, if the README's set-up was used)."
    )

__all__ = ["run_bot", "run_bots"]
