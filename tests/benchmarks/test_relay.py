"""The tool that measures relays, with small numbers."""

import re
import sys

from fork_server import run
from live import ROOT
from nats_server import require_nats_server

PATIENCE = 60.0  # seconds for the tool to end


def test_listeners_of_a_relay_hear_all_executions_and_a_fresh_tick() -> None:
    require_nats_server()
    tool = str(ROOT / "benchmarks" / "relay.py")
    command = [sys.executable, tool, "--relays", "1", "--listeners", "5", "--seconds", "0.5"]
    ended = run(command, timeout=PATIENCE)
    assert ended.returncode == 0, (ended.stdout, ended.stderr)
    assert ended.stdout.startswith("100 ticks and 50 trades in ")
    row = r"^relay 1: 5 listeners, 0 closed; .*: 0 of 500$"
    assert re.search(row, ended.stdout, re.MULTILINE), ended.stdout
