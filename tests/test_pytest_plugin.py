"""The fixture, in a run of pytest such as other people have: in a folder of their own."""

import os
import subprocess
import sys
from pathlib import Path

from program import PYTEST_ALONE

from disorderbook.in_process import PrivateExchange

TESTS = """
import threading
import disorderbook

def market(exchange):
    return disorderbook.Market("TESTEX", "FOOBAR", "ME", None, exchange.url, exchange.tape_url)

def test_first(exchange):
    with market(exchange) as mine:
        ticks = mine.ticks()
        assert mine.buy(5000, 10).id == 0
        assert next(ticks).bid == 5000

def test_second(exchange):
    with market(exchange) as mine:
        assert mine.book().bids == ()

def test_after_them():
    assert [thread.name for thread in threading.enumerate()] == ["MainThread"]
"""
WITHOUT_IT = """
import sys

def test_nothing_heavy_was_imported():
    assert not {"bottle", "requests", "asyncio", "disorderbook.in_process"} & set(sys.modules)
"""


def run_pytest(folder: Path, tests: str, *options: str, **environment: str) -> str:
    (folder / "test_bot.py").write_text(tests)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    ran = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **PYTEST_ALONE, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_each_test_gets_a_fresh_exchange_that_is_gone_afterwards(tmp_path: Path) -> None:
    assert "3 passed" in run_pytest(tmp_path, TESTS, "-W", "error")


def test_it_is_reached_without_the_environments_proxy(tmp_path: Path) -> None:
    dead = "http://127.0.0.1:1"
    assert "3 passed" in run_pytest(tmp_path, TESTS, http_proxy=dead, HTTP_PROXY=dead, no_proxy="")


def test_pytest_lists_it_with_what_it_gives(tmp_path: Path) -> None:
    listed = run_pytest(tmp_path, TESTS, "--fixtures")
    assert "exchange -- " in listed and "A fresh private exchange for each test" in listed


def test_who_does_not_use_it_does_not_pay_for_it(tmp_path: Path) -> None:
    plugins = ("schemathesis", "hypothesispytest", "timeout", "anyio")
    options = [option for name in plugins for option in ("-p", f"no:{name}")]
    assert "1 passed" in run_pytest(tmp_path, WITHOUT_IT, *options)


def test_our_own_tests_have_it_too(exchange: PrivateExchange) -> None:
    assert exchange.url.startswith("http://127.0.0.1:")
    assert exchange.tape_url.startswith("ws://127.0.0.1:")
