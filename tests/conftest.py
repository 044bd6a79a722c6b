"""How many examples properties get, which bytecode the started processes read, and what runs alone.

HYPOTHESIS_PROFILE chooses between dev (a fast look), ci (the rule) and nightly (a long search).
A test marked `serial` runs while no other worker of the run (`-n auto`) does, and one marked
`network` while none has a browser.
"""

import functools
import gc
import os
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
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

# So that an assertion that fails there says what it has found, as in the tests themselves.
SUPPORT = Path(__file__).parent / "support"
pytest.register_assert_rewrite(*(module.stem for module in SUPPORT.glob("*.py")))

# Files of a run's folder. A serial test locks MACHINE exclusively, and every other test shares it.
# GATE is held while one waits for that, so that those who share do not starve who must be alone.
# In the same way a test of the network locks NETWORK, which tests with a browser share: a browser
# breaks off whatever it is loading when an address of the machine comes or goes.
MACHINE, GATE, NETWORK = "machine", "gate", "network"
# When tests with these markers come; all others come in turn 1.
TURNS = {"serial": 3, "network": 2, "browser": 0}
# Modules with which processes are started.
STARTERS = {"subprocess", "live", "program", "forked", "fork_server", "tls_front"}
LOCKS = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """What `-n auto` means: a worker more than there are cores, since each waits for a fifth of its
    time. xdist's own answer, if that variable says another one.
    """
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ or not hasattr(os, "sched_getaffinity"):
        return None
    return len(os.sched_getaffinity(0)) + 1


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
    gate, machine, network = (Path(folder, name) for name in (GATE, MACHINE, NETWORK))
    with ExitStack() as held:
        with _locked(gate, fcntl.LOCK_EX):
            held.enter_context(_locked(machine, _way_of(item, "serial")))
        if {"network", "browser"} & {marker.name for marker in item.iter_markers()}:
            held.enter_context(_locked(network, _way_of(item, "network")))
        return (yield)


def _way_of(item: pytest.Item, marker: str) -> int:
    """How a test locks what those with this marker have alone."""
    return fcntl.LOCK_SH if item.get_closest_marker(marker) is None else fcntl.LOCK_EX


@contextmanager
def _locked(path: Path, way: int) -> Iterator[None]:
    with open(path, "a") as file:
        fcntl.flock(file, way)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)  # a process that the test forked may have it, too


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of files that start processes, and the tests that need a browser.

    Those come first and in a row, so that they share one browser. Those of the network come when
    they are long over, and serial tests come last, when the fewest others wait for them.
    """
    for item in items:
        if sources_of(getattr(item, "module", None)) & STARTERS:
            item.add_marker("process")
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
    items.sort(key=_turn)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while tests are collected: almost nothing of them is."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Exempt all that was collected from garbage collections: it stays until the end, and tests
    that look for what is left over would look through it again and again.
    """
    gc.freeze()


def _turn(item: pytest.Item) -> int:
    markers = {marker.name for marker in item.iter_markers()}
    return next((turn for name, turn in TURNS.items() if name in markers), 1)


@functools.cache
def sources_of(module: ModuleType | None) -> set[str]:
    """Modules of which the file of a test has imported something, or which it has imported."""
    values = vars(module).values() if module else ()
    return {str(getattr(value, "__module__", getattr(value, "__name__", ""))) for value in values}
