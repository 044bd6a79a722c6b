"""Fixtures for tests of other people's bots; pytest finds them where disorderBook is installed.

The rule: what a test leaves behind cannot reach the next one. So tests do not share what `exchange`
gives them, but each has an exchange of its own at a port of its own: a thread that goes on trading,
a listener that waits, have nobody to talk to after the test.
"""

import inspect
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from disorderbook.in_process import PrivateExchange

DEFAULTS = {"websockets": True}
OWN_FILES = pytest.StashKey[set[str]]()  # the databases that `exchange` has begun in this session


class MakeExchange(Protocol):
    def __call__(self, **options: Any) -> "PrivateExchange": ...


@pytest.fixture(scope="session")
def exchange_options() -> Mapping[str, Any]:
    """The options of `exchange`, as disorderbook.serve() has them; to be overridden in a class, a
    module or a conftest.py.
    """
    return {}


@pytest.fixture(scope="session")
def session_exchange_options() -> Mapping[str, Any]:
    """The same for `session_exchange`; to be overridden in a conftest.py, for the session."""
    return {}


@pytest.fixture
def exchange(
    exchange_options: Mapping[str, Any], pytestconfig: pytest.Config
) -> "Iterator[PrivateExchange]":
    """A fresh private exchange for each test: `exchange.url`, and `exchange.tape_url`. Its options
    are the fixture `exchange_options`.
    """
    with ExitStack() as stack:
        yield _started(stack, "exchange_options", exchange_options, pytestconfig)


@pytest.fixture
def make_exchange() -> Iterator[MakeExchange]:
    """Makes private exchanges, each with options as disorderbook.serve() has them, which end with
    the test: `make_exchange(seed=7, opponents="market-maker")`.
    """
    with ExitStack() as stack:
        has_ended = False

        def make(**options: Any) -> "PrivateExchange":
            if has_ended:
                raise RuntimeError("The test of this make_exchange has ended")
            return stack.enter_context(_serving("make_exchange", options))

        yield make
        has_ended = True


@pytest.fixture(scope="session")
def session_exchange(session_exchange_options: Mapping[str, Any]) -> "Iterator[PrivateExchange]":
    """One private exchange for the whole session, which is never reset by itself. Its options are
    the fixture `session_exchange_options`.
    """
    with ExitStack() as stack:
        yield _started(stack, "session_exchange_options", session_exchange_options)


def _started(
    stack: ExitStack, source: str, options: Mapping[str, Any], own: pytest.Config | None = None
) -> "PrivateExchange":
    """An exchange that ends with the stack; the test fails with a sentence if there can be none.
    With `own` it begins with an empty database, which is to be a file of this session's own.
    """
    from disorderbook.in_process import CannotStart

    try:
        serving = _serving(source, options)
        if own is not None:
            _empty_database(options.get("database"), own.stash.setdefault(OWN_FILES, set()))
        return stack.enter_context(serving)
    except (CannotStart, ValueError) as fault:
        raise pytest.fail.Exception(str(fault), pytrace=False) from None


def _serving(source: str, options: Mapping[str, Any]) -> "AbstractContextManager[PrivateExchange]":
    """An exchange with these options; raises ValueError for those that it has not."""
    from disorderbook.in_process import serve  # only the tests that use it pay for importing it

    if not isinstance(options, Mapping):
        raise ValueError(f"{source} is a dict of serve()'s options, and not {options!r}")
    known = inspect.signature(serve).parameters
    unknown = ", ".join(repr(each) for each in options if each not in known)
    if unknown:
        raise ValueError(f"{source}: serve() has no option {unknown}; it has {', '.join(known)}")
    return serve(**{**DEFAULTS, **options})


def _empty_database(database: "str | os.PathLike[str] | None", own: set[str]) -> None:
    """Remove the file that an earlier test has begun. Raises ValueError for one that was there
    before the session, which is somebody's market.
    """
    if database is None:
        return
    from disorderbook.ledger.location import ENDS

    path = os.path.realpath(database)
    if path in own:
        for end in ENDS:
            Path(path + end).unlink(missing_ok=True)
    elif os.path.exists(path) and os.path.getsize(path):
        raise ValueError(
            f"exchange_options: {database} is there already, and `exchange` begins with an empty "
            "market: name a new file, or use make_exchange(), which goes on with it"
        )
    own.add(path)
