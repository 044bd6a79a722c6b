"""Of a run: what is marked, and that tests marked `serial` come last, each while no other runs."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from raw_http import wait_until

fcntl = pytest.importorskip("fcntl")

PATIENCE = 20.0  # seconds


@pytest.fixture
def conftest(request: pytest.FixtureRequest) -> Any:
    """The conftest.py beside this file."""
    path = Path(__file__).with_name("conftest.py")
    return request.config.pluginmanager.get_plugin(str(path))


def item(folder: Path | None, *marks: str) -> Any:
    """A test of a worker, or without a folder one of a run that has no workers."""
    config = SimpleNamespace(workerinput={"locks": str(folder)}) if folder else SimpleNamespace()
    given = list(marks)
    return SimpleNamespace(
        config=config,
        add_marker=given.append,
        get_closest_marker=lambda name: name if name in given else None,
        iter_markers=lambda: [SimpleNamespace(name=name) for name in given],
    )


def run(conftest: Any, tested: Any, test: Callable[[], object]) -> threading.Thread:
    """A worker that has this test; the thread ends with it."""

    def work() -> None:
        protocol = conftest.pytest_runtest_protocol(tested)
        next(protocol)
        test()
        with pytest.raises(StopIteration):
            protocol.send(True)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def is_waiting(conftest: Any, folder: Path) -> bool:
    """Whether somebody holds the gate."""
    with open(folder / conftest.GATE, "a") as gate:
        try:
            fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_serial_test_is_alone_and_not_starved(conftest: Any, tmp_path: Path) -> None:
    done: list[str] = []
    may_end = threading.Event()
    both = threading.Barrier(2)

    def first() -> None:
        both.wait(PATIENCE)
        may_end.wait(PATIENCE)
        done.append("first")

    workers = [
        run(conftest, item(tmp_path), first),
        run(conftest, item(tmp_path), lambda: both.wait(PATIENCE)),  # beside the first
    ]
    workers[1].join(PATIENCE)
    workers.append(run(conftest, item(tmp_path, "serial"), lambda: done.append("serial")))
    assert wait_until(lambda: is_waiting(conftest, tmp_path))
    workers.append(run(conftest, item(tmp_path), lambda: done.append("after it")))
    assert done == []
    may_end.set()
    for worker in workers:
        worker.join(PATIENCE)
    assert done == ["first", "serial", "after it"]


def test_a_test_of_the_network_runs_while_no_other_worker_has_a_browser(
    conftest: Any, tmp_path: Path
) -> None:
    done: list[str] = []
    has_begun, may_end = threading.Event(), threading.Event()

    def look() -> None:
        has_begun.set()
        may_end.wait(PATIENCE)
        done.append("browser")

    browser = run(conftest, item(tmp_path, "browser"), look)
    has_begun.wait(PATIENCE)
    run(conftest, item(tmp_path), lambda: done.append("another")).join(PATIENCE)
    run(conftest, item(tmp_path, "browser"), lambda: done.append("too")).join(PATIENCE)
    network = run(conftest, item(tmp_path, "network"), lambda: done.append("network"))
    network.join(0.05)
    may_end.set()
    for worker in (browser, network):
        worker.join(PATIENCE)
    assert done == ["another", "too", "browser", "network"]


def test_without_workers_nothing_is_locked(conftest: Any, tmp_path: Path) -> None:
    run(conftest, item(None, "serial"), lambda: None).join(PATIENCE)
    assert not list(tmp_path.iterdir())


def test_serial_tests_come_last_and_those_that_share_a_browser_first(conftest: Any) -> None:
    items = [item(None, "serial"), item(None, "slow"), item(None), item(None)]
    items[3].fixturenames = ["browser"]
    ordered = [*items]
    conftest.pytest_collection_modifyitems(ordered)
    assert ordered == [items[3], items[1], items[2], items[0]]


def test_who_asks_for_a_browser_is_marked_by_it(conftest: Any) -> None:
    marks: dict[str, list[str]] = {"browser": [], "tmp_path": []}
    tests: list[Any] = [
        SimpleNamespace(
            fixturenames=[name],
            add_marker=given.append,
            get_closest_marker=lambda mark: None,
            iter_markers=lambda: [],
        )
        for name, given in marks.items()
    ]
    conftest.pytest_collection_modifyitems(tests)
    assert marks == {"browser": ["browser"], "tmp_path": []}


def test_there_is_a_worker_more_than_cores_unless_somebody_says_so(
    conftest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1}, raising=False)
    monkeypatch.delenv("PYTEST_XDIST_AUTO_NUM_WORKERS", raising=False)
    assert conftest.pytest_xdist_auto_num_workers() == 3
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "2")
    assert conftest.pytest_xdist_auto_num_workers() is None
