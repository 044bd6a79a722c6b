"""The fixtures' options, and that nothing which a test leaves reaches the next one: runs of pytest
inside of this one.
"""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import disorderbook.client.listener  # noqa: F401  what a run inside imports first is imported again
from disorderbook.client import Market
from disorderbook.in_process import serve
from disorderbook.pytest_plugin import MakeExchange

pytest_plugins = ["pytester"]
QUIET = ("-p", "no:cacheprovider")
OTHERS = ("schemathesis", "hypothesispytest", "timeout", "anyio", "pytest_cov")
WITHOUT_OTHERS = [option for name in OTHERS for option in ("-p", f"no:{name}")]

HEAD = """
import threading
import time

import disorderbook
import pytest
from disorderbook.client import ExchangeUnreachable, Refused

def market_of(exchange, account="ME", key=None):
    return disorderbook.Market(exchange.venue, exchange.symbol, account, key, exchange.url)
"""
LEAVING = """
left = []

def test_leaves_what_it_can(exchange, make_exchange):
    left.append((exchange, make_exchange(), market_of(exchange)))
    left.append(make_exchange)
    market = left[0][2]
    left.append(market.ticks())
    def trade():
        try:
            while True:
                try:
                    market.buy(5000, 10)
                except Refused:
                    pass
        except ExchangeUnreachable:
            pass
    left.append(threading.Thread(target=trade, daemon=True))
    left[-1].start()
    next(left[2])
    exchange.control.halt("TESTEX", "FOOBAR")
    raise ZeroDivisionError  # before it has cleaned up anything

def test_finds_nothing_of_it(exchange):
    (old, other, market), make, ticks, thread = left
    with market_of(exchange) as mine:
        assert mine.book().bids == () and mine.buy(1, 1).id == 0
    assert len({exchange.url, old.url, other.url}) == 3
    thread.join(30)
    assert not thread.is_alive()
    for gone in (old, other):
        with pytest.raises(ExchangeUnreachable), market_of(gone) as nobody:
            nobody.quote()
    with pytest.raises(RuntimeError, match="has ended"):
        make()
    ticks.close()

def test_a_test_after_them(exchange):
    assert [each.name for each in threading.enumerate() if each.name == "exchange"] == ["exchange"]
"""
OVERRIDING = """
@pytest.fixture(scope="module")
def exchange_options():
    return {"venue": "NYSE", "accounts": {"ME": "mykey"}}

@pytest.mark.parametrize("count", [1, 2])
def test_of_a_module(exchange, count):
    assert (exchange.venue, exchange.symbol) == ("NYSE", "FOOBAR") and exchange.tape_url
    with market_of(exchange, key="mykey") as mine, market_of(exchange, key="other") as other:
        assert mine.buy(5000, 1).id == 0
        with pytest.raises(disorderbook.client.Refused):
            other.buy(5000, 1)

class TestOfAClass:
    @pytest.fixture
    def exchange_options(self, exchange_options):
        return {**exchange_options, "venue": "LSE", "websockets": False, "clock": "stepped",
                "opponents": "market-maker,noise", "seed": 7}

    def test_of_a_class(self, exchange):
        assert exchange.venue == "LSE"
        with pytest.raises(RuntimeError):
            exchange.tape_url
        before = exchange.time
        exchange.advance(30)
        assert exchange.time == pytest.approx(before + 30)
        with market_of(exchange, key="mykey") as mine:
            assert mine.book().bids

def test_several(make_exchange):
    one, two = make_exchange(venue="A"), make_exchange(venue="B", websockets=False, seed=3)
    assert [one.venue, two.venue, two.tape_port] == ["A", "B", None] and one.tape_port
    with pytest.raises(ValueError, match="make_exchange: serve.. has no option 'seeds', 'x'; "):
        make_exchange(seed=1, seeds=2, x=3)

def test_session_first(session_exchange):
    assert session_exchange.venue == "LONG"
    with market_of(session_exchange) as mine:
        assert mine.buy(5000, 1).id == 0
"""
LATER = """
def test_session_second(session_exchange, exchange):
    assert session_exchange.venue == "LONG" and exchange.venue == "FOLDER"
    with market_of(session_exchange) as mine:
        assert mine.buy(5000, 1).id == 1
"""
CONFTEST = """
import pytest

@pytest.fixture(scope="session")
def session_exchange_options():
    return {"venue": "LONG"}

@pytest.fixture
def exchange_options():
    return {"venue": "FOLDER"}
"""
STORED = """
import contextlib
import sqlite3

@pytest.fixture(scope="session")
def exchange_options(tmp_path_factory):
    return {"database": tmp_path_factory.mktemp("market") / "market.db"}

@pytest.mark.parametrize("count", [1, 2])
def test_each_begins_with_an_empty_file(exchange, exchange_options, count):
    with market_of(exchange) as mine:
        assert mine.orders() == ()
        assert mine.buy(5000, count).id == 0
        check_file(exchange_options, count)

def check_file(options, count):
    with contextlib.closing(sqlite3.connect(options["database"])) as database:
        for _ in range(1000):
            rows = database.execute("SELECT quantity FROM orders").fetchall()
            if rows:
                break
            time.sleep(0.01)
    assert rows == [(count,)]
"""


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No thread of an exchange outlives the run in which it began."""
    before = set(threading.enumerate())
    yield
    assert [each.name for each in threading.enumerate() if each not in before] == []


def test_what_a_test_leaves_is_gone_in_the_next(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_leaving=HEAD + LEAVING)
    result = pytester.runpytest_inprocess(*QUIET)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*ZeroDivisionError*"])


def test_options_can_be_overridden_wherever_fixtures_can(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_a=HEAD + OVERRIDING, test_b=HEAD + LATER)
    pytester.makeconftest(CONFTEST)
    pytester.runpytest_inprocess(*QUIET).assert_outcomes(passed=6)


def test_a_database_is_empty_before_each_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_a=HEAD + STORED)
    pytester.runpytest_inprocess(*QUIET).assert_outcomes(passed=2)


WRONG = {
    "{'venu': 'X', 'seed': 1}": "exchange_options: serve() has no option 'venu'; it has port, ",
    "{1: 2}": "exchange_options: serve() has no option 1; ",
    "['seed']": "exchange_options is a dict of serve()'s options, and not ['seed']",
    "{'venue': 'a/b'}": "venue is 'a/b', which cannot name a venue",
    "{'port': '8'}": "port has to be int, and not str",
    "{'clock': 'sundial'}": "sundial",
    "{'port': TAKEN}": "Cannot listen on port ",
    "{'database': FILE}": "is there already, and `exchange` begins with an empty market",
}
REFUSED = """
@pytest.fixture
def exchange_options(request):
    return request.param

@pytest.mark.parametrize("exchange_options", OPTIONS, indirect=True, ids=str)
def test_it(exchange):
    pass

@pytest.fixture(scope="session")
def session_exchange_options():
    return {"x": 1}

def test_session(session_exchange):
    pass

def test_of_a_file(make_exchange):
    with market_of(make_exchange(database=FILE)) as mine:
        assert mine.buy(5000, 1).id == 1
"""


def test_options_that_cannot_be_are_a_sentence(pytester: pytest.Pytester, tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    with (
        serve(database=file) as exchange,
        Market("TESTEX", "FOOBAR", "ME", url=exchange.url) as market,
    ):
        market.buy(5000, 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        start = f"FILE, TAKEN = {str(file)!r}, {taken.getsockname()[1]}\n"
        options = f"OPTIONS = [{', '.join(WRONG)}]\n"
        pytester.makepyfile(HEAD + start + options + REFUSED)
        result = pytester.runpytest_inprocess(*QUIET)
    result.assert_outcomes(errors=len(WRONG) + 1, passed=1)
    printed = str(result.stdout)
    for sentence in [*WRONG.values(), "session_exchange_options: serve() has no option 'x'; "]:
        assert sentence in printed
    assert "pytest_plugin.py" not in printed and "another exception" not in printed


@pytest.mark.slow
def test_workers_of_xdist_have_exchanges_of_their_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_a=HEAD + OVERRIDING, test_b=HEAD + LATER.replace("== 1", "in (0, 1)"))
    pytester.makeconftest(CONFTEST)
    result = pytester.runpytest_subprocess("-n", "2", *WITHOUT_OTHERS)
    result.assert_outcomes(passed=6)


def test_our_own_tests_have_the_factory_too(make_exchange: MakeExchange) -> None:
    assert make_exchange(venue="A").tape_url != make_exchange(venue="A").tape_url
