"""How many examples properties get, and which bytecode the started processes read.

HYPOTHESIS_PROFILE chooses between dev (a fast look), ci (the rule) and nightly (a long search).
"""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

BYTECODE = Path(__file__).parent.parent / ".pytest_cache" / "bytecode"

# `examples` in tests/support/examples.py scales these for each property.
settings.register_profile("dev", max_examples=5, deadline=None)
settings.register_profile("ci", max_examples=50, deadline=None, print_blob=True)
settings.register_profile("nightly", max_examples=500, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# Hundreds of processes are started, and compile the package each, where Python was told to leave no
# bytecode behind. Here it is kept for them, outside of the folders of the sources.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = str(BYTECODE)
sys.dont_write_bytecode = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of files that start processes, and of those that need a browser."""
    for item in items:
        sources = sources_of(item)
        if sources & {"subprocess", "live", "program", "forked", "tls_front"}:
            item.add_marker("process")
        if "browser" in sources:
            item.add_marker("browser")


def sources_of(item: pytest.Item) -> set[str]:
    """Modules of which the file of a test has imported something, or which it has imported."""
    module = getattr(item, "module", None)
    values = vars(module).values() if module else ()
    return {str(getattr(value, "__module__", getattr(value, "__name__", ""))) for value in values}
