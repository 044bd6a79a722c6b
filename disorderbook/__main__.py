"""Starts the exchange: `python3 -m disorderbook`, wherever the package is installed."""

import sys

from disorderbook.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
