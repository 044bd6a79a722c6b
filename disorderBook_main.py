"""Start the exchange: python3 disorderBook_main.py --help says how."""

import sys

if sys.version_info < (3, 11):
    sys.exit("disorderBook needs Python 3.11 or newer.")

if __name__ == "__main__":
    try:
        from disorderbook.__main__ import main

        sys.exit(main())
    except ModuleNotFoundError as missing:
        sys.exit(
            f"The package {missing.name} is not installed; run: python3 -m venv .venv && "
            ".venv/bin/pip install -e . && .venv/bin/python disorderBook_main.py"
        )
