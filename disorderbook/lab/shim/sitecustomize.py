"""Python imports this before a program, from the PYTHONPATH: time follows the exchange's clock.

Python knows one module of this name. So this one then gives way to the next, if there is one.
"""

import importlib.util
import os
import sys
from importlib.machinery import PathFinder

FOLDER = os.path.dirname(os.path.abspath(__file__))


def load_next() -> None:
    """Import the sitecustomize that this one stands before, under its own name."""
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


if __name__ == "sitecustomize":
    import exchange_time  # type: ignore[import-not-found]  # it stands beside this file

    exchange_time.begin()
    # The folder has nothing for the program. A child of it finds it in PYTHONPATH again.
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != FOLDER]
    load_next()
