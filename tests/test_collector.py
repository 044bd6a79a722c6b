"""Garbage collections are kept short."""

import gc
from collections.abc import Iterator

import pytest

from disorderbook import collector


@pytest.fixture(autouse=True)
def afterwards_as_before() -> Iterator[None]:
    yield
    gc.callbacks.remove(collector._watch)
    gc.unfreeze()


def test_what_is_there_at_the_start_is_not_looked_at_again() -> None:
    early = [[] for _ in range(1000)]
    collector.keep_collections_short()
    assert gc.get_freeze_count() > len(early)
    assert len(gc.get_objects()) < 1000


def test_what_survives_a_long_collection_is_not_looked_at_again(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    collector.keep_collections_short()
    before = gc.get_freeze_count()
    late = [[] for _ in range(1000)]
    monkeypatch.setattr(collector, "LONGEST_COLLECTION", 1000.0)
    gc.collect()
    assert gc.get_freeze_count() <= before
    monkeypatch.setattr(collector, "LONGEST_COLLECTION", 0.0)
    gc.collect()
    assert gc.get_freeze_count() >= before + len(late)


def test_watching_twice_is_watching_once() -> None:
    collector.keep_collections_short()
    collector.keep_collections_short()
    assert gc.callbacks.count(collector._watch) == 1
