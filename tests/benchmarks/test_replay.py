"""The benchmark of a replay: what it compares, and what it tells."""

import subprocess
import sys

import pytest
from live import ROOT


@pytest.mark.slow
def test_a_small_market_is_the_same_again() -> None:
    ended = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "replay.py"), "--events", "400"],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ended.returncode == 0, ended.stderr
    told = [line.split() for line in ended.stdout.splitlines()]
    assert [line[-1] for line in told] == ["second)", "second)", "equal", "equal"]
    assert int(told[0][3]) + int(told[0][6]) == 400
