"""Runs the bot `noise`; --help says what it does."""

import sys

from start import run_bot

if __name__ == "__main__":
    sys.exit(run_bot("noise"))
