"""The descriptors of the process."""

import resource
from collections.abc import Iterator

import pytest

from disorderbook.process.sockets import WANTED_DESCRIPTORS, allow_descriptors


@pytest.fixture
def soft_and_hard() -> Iterator[tuple[int, int]]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_process_that_may_have_few_descriptors_asks_for_more(
    soft_and_hard: tuple[int, int],
) -> None:
    _, hard = soft_and_hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    allowed = allow_descriptors()
    assert allowed == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert 256 < allowed <= WANTED_DESCRIPTORS
    assert allow_descriptors() == allowed


def test_a_process_that_has_enough_for_what_is_planned_is_left_alone(
    soft_and_hard: tuple[int, int],
) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, soft_and_hard[1]))
    assert allow_descriptors(256) == 256
    assert allow_descriptors(257) > 256


def test_where_the_system_refuses_more_the_process_goes_on_with_what_it_has(
    soft_and_hard: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError

    resource.setrlimit(resource.RLIMIT_NOFILE, (256, soft_and_hard[1]))
    with monkeypatch.context() as refusing:
        refusing.setattr(resource, "setrlimit", refuse)
        assert allow_descriptors() == 256
