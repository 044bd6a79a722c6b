"""`disorderbook bots`, as it is typed where the package alone is installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fork_server import run
from live import PATIENCE, ROOT, running

from disorderbook.traders.registry import REGISTRY


def bots(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return run(
        [sys.executable, "-m", "disorderbook", "bots", *arguments],
        timeout=PATIENCE,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_several_bots_trade_with_options_before_and_after_their_names(tmp_path: Path) -> None:
    with running() as exchange:
        options = ("--url", exchange.url, "--orders", "5", "--pause", "0")
        for arguments in (
            ("market-maker", "taker", "--seed", "7", *options),
            (*options, "--seed", "7", "market-maker", "taker"),
        ):
            ended = bots(*arguments, cwd=tmp_path)
            assert (ended.returncode, ended.stderr) == (0, "")
            assert "market-maker (MAKERBOTS), taker (TAKERBOTS) at TESTEX" in ended.stdout
            assert "with --seed 7" in ended.stdout
            assert "Total: 10 orders sent, 10 of them placed" in ended.stdout


def test_without_a_name_it_lists_the_bots(tmp_path: Path) -> None:
    listed = bots(cwd=tmp_path)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert all(f"  {name} " in listed.stdout for name in REGISTRY)
    assert "disorderbook bots market-maker taker noise" in listed.stdout


def test_its_help_is_that_of_the_bots(tmp_path: Path) -> None:
    shown = bots("--help", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "usage: disorderbook bots " in shown.stdout and "--copies" in shown.stdout


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (("nois",), "did you mean noise?"),
        (("noise", "--orders", "0"), "no number from 1"),
        (("--wsport", "1", "noise"), "unrecognized arguments: --wsport"),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_sentence(
    arguments: tuple[str, ...], complaint: str, tmp_path: Path
) -> None:
    refused = bots(*arguments, cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("disorderbook bots: ") and complaint in refused.stderr
    assert refused.stderr.count("\n") == 1
