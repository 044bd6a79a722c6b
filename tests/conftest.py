"""How many examples properties get, which bytecode the started processes read, and what runs alone.

HYPOTHESIS_PROFILE chooses between dev (a fast look), ci (the rule) and nightly (a long search).
A test marked `serial` runs while no other worker of the run (`-n auto`) does.
"""

import functools
import os
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

try:
    import fcntl
except ImportError:  # Windows has none; what is marked `skipif` there needs none
    fcntl = None  # type: ignore[assignment]

BYTECODE = Path(__file__).parent.parent / ".pytest_cache" / "bytecode"

# Hundreds of processes are started, and compile the package each, where Python was told to leave no
# bytecode behind. Here it is kept for them, outside of the folders of the sources.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = str(BYTECODE)
sys.dont_write_bytecode = False


def load_profile() -> None:
    """`examples` in tests/support/examples.py scales their examples for each property."""
    from hypothesis import settings  # here, so that its bytecode is kept as well

    settings.register_profile("dev", max_examples=5, deadline=None)
    settings.register_profile("ci", max_examples=20, deadline=None, print_blob=True)
    settings.register_profile("nightly", max_examples=500, deadline=None, print_blob=True)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


load_profile()

# Files of a run's folder. A serial test locks MACHINE exclusively, and every other test shares it.
# GATE is held while one waits for that, so that those who share do not starve who must be alone.
MACHINE, GATE = "machine", "gate"
# Modules with which processes are started.
STARTERS = {"subprocess", "live", "program", "forked", "fork_server", "tls_front"}
LOCKS = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker where the locks of this run are; xdist asks the process that starts it."""
    if LOCKS not in node.config.stash:
        node.config.stash[LOCKS] = tempfile.TemporaryDirectory(prefix="disorderbook-tests-")
    node.workerinput["locks"] = node.config.stash[LOCKS].name


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Wait for the machine, outside of the test's own timeout."""
    folder = getattr(item.config, "workerinput", {}).get("locks")
    if folder is None or fcntl is None:
        return (yield)
    alone = item.get_closest_marker("serial") is not None
    with open(Path(folder, MACHINE), "a") as machine:
        with open(Path(folder, GATE), "a") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            fcntl.flock(machine, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        try:
            return (yield)
        finally:
            fcntl.flock(machine, fcntl.LOCK_UN)  # a process that the test forked may have it, too


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of files that start processes, and the tests that need a browser.

    Those come first and in a row, so that they share one browser. Serial tests come last, when the
    fewest others wait for them.
    """
    for item in items:
        if sources_of(getattr(item, "module", None)) & STARTERS:
            item.add_marker("process")
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    if item.get_closest_marker("serial") is not None:
        return 2
    return 0 if "browser" in getattr(item, "fixturenames", ()) else 1


@functools.cache
def sources_of(module: ModuleType | None) -> set[str]:
    """Modules of which the file of a test has imported something, or which it has imported."""
    values = vars(module).values() if module else ()
    return {str(getattr(value, "__module__", getattr(value, "__name__", ""))) for value in values}
