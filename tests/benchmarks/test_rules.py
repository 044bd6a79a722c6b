"""What rules cost is measured where every rule is in force and nothing is refused."""

import importlib.util
import re
import sys

import pytest
from live import ROOT

from disorderbook.rules.file import FIELDS


def test_the_cost_of_every_rule_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("rules", ROOT / "benchmarks" / "rules.py")
    assert spec is not None and spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    assert set(benchmark.EVERY_RULE) == set(FIELDS)
    monkeypatch.setattr(sys, "argv", ["rules.py", "--orders", "1", "--resting", "50"])
    monkeypatch.setattr(benchmark, "ROUND", 100)
    benchmark.main()
    told = capsys.readouterr().out
    assert re.fullmatch(r"\S+ us an order without rules, \S+ us with all of them: \S+\n", told)
