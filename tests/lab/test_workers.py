"""Runs with many seeds: their order, and that all processes end."""

from pathlib import Path

import pytest
from programs import STEADY, written
from short_runs import is_gone, settings, told, wait_for

from disorderbook.lab.runs import run_seed
from disorderbook.lab.workers import WorkerFailed, run_seeds

PIDS = "import os; open(os.path.join({folder!r}, str(os.getpid())), 'w').close()\n"


def pids(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir()]


@pytest.mark.slow
def test_many_seeds_run_at_once_in_their_order_and_all_end_when_nobody_wants_more(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "pids"
    folder.mkdir()
    program = written(tmp_path, PIDS.format(folder=str(folder)) + STEADY)
    asked = settings(program, opponents="noise")
    records = run_seeds(asked, range(100), 2)
    first = [next(records), next(records)]
    assert [record.seed for record in first] == [0, 1]
    assert told(first[1]) == told(run_seed(asked, 1))
    wait_for(lambda: len(pids(folder)) > 3)
    records.close()
    assert all(is_gone(pid) for pid in pids(folder)) and len(pids(folder)) < 20


@pytest.mark.slow
def test_a_worker_that_dies_is_a_sentence_and_its_program_ends(tmp_path: Path) -> None:
    folder = tmp_path / "pids"
    folder.mkdir()
    code = "import os, signal; os.kill(os.getppid(), 9); signal.pause()"
    program = written(tmp_path, PIDS.format(folder=str(folder)) + code)
    with pytest.raises(WorkerFailed, match="The worker process of seed 5 has ended with .* -9"):
        list(run_seeds(settings(program, opponents=""), [5, 6], 2))
    wait_for(lambda: all(is_gone(pid) for pid in pids(folder)))
