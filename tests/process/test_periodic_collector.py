"""Garbage collections are kept short."""

import gc
import time
import weakref
from collections.abc import Iterator

import pytest

from disorderbook.process import periodic

PATIENCE = 20.0  # seconds


@pytest.fixture(autouse=True)
def short_collections() -> Iterator[None]:
    early = [[] for _ in range(1000)]
    end = periodic.keep_collections_short()
    assert gc.get_freeze_count() > len(early)
    yield
    end()
    assert gc.isenabled()
    gc.unfreeze()


class Circle:
    def __init__(self) -> None:
        self.itself = self


def test_what_is_there_at_the_start_is_not_looked_at_again() -> None:
    assert len(gc.get_objects()) < 1000


def test_a_circle_is_freed_soon_without_anything_else_being_made() -> None:
    freed = weakref.ref(Circle())
    deadline = time.monotonic() + PATIENCE
    while freed() is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert freed() is None and not gc.isenabled()


def test_what_survives_a_long_collection_is_not_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = gc.get_freeze_count()
    late = [[] for _ in range(1000)]
    monkeypatch.setattr(periodic, "LONGEST_COLLECTION", 1000.0)
    periodic._collect()
    assert gc.get_freeze_count() <= before
    monkeypatch.setattr(periodic, "LONGEST_COLLECTION", 0.0)
    periodic._collect()
    assert gc.get_freeze_count() >= before + len(late)


def test_it_ends_when_it_is_told_to() -> None:
    periodic.keep_collections_short()()
    assert gc.isenabled()
    gc.disable()  # as it is while the other one goes on
