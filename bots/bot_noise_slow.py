"""Runs the bot `noise-slow`; --help says what it does."""

import sys

from start import run_bot

if __name__ == "__main__":
    sys.exit(run_bot("noise-slow"))
