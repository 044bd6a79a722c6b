"""The benchmark of one exchange and two: a short run of it."""

import re
import subprocess
import sys

import pytest
from live import PATIENCE, ROOT
from nginx import require_nginx


@pytest.mark.slow
def test_it_says_what_an_order_costs_in_each_set_up() -> None:
    require_nginx()
    options = "--rounds 1 --seconds 0.1 --connections 2 --own-clients"
    command = [sys.executable, str(ROOT / "benchmarks" / "scale.py"), *options.split()]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    rows = re.findall(r"^(\d .*?) +([\d.]+) +([\d.]+) +\(", printed.stdout, re.MULTILINE)
    names = ["1 exchange", "2 exchanges", "1 behind nginx", "2 behind nginx"]
    assert [name for name, _, _ in rows] == names
    assert rows[0][2] == "1.00" and all(float(cost) > 0 for _, cost, _ in rows)
