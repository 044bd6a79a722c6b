"""The limits that users and old clients rely on."""

import resource
from collections.abc import Iterator

import pytest

from disorderbook.tape.limits import WANTED_DESCRIPTORS, Limits, allow_descriptors


@pytest.fixture
def soft_and_hard() -> Iterator[tuple[int, int]]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limits_are_those_that_the_readme_names() -> None:
    limits = Limits()
    assert limits.handshake_seconds == 5 and limits.header_bytes == 8 * 1024
    assert limits.ping_seconds == limits.pong_seconds == 20
    assert limits.heard_bytes == 64 * 1024 and limits.heard_seconds == 10
    assert limits.listeners == 4096
    assert limits.waiting_messages == 4096 and limits.waiting_bytes == 4 * 1024**2


def test_a_process_that_may_have_few_descriptors_asks_for_more(
    soft_and_hard: tuple[int, int]
) -> None:
    _, hard = soft_and_hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    allowed = allow_descriptors()
    assert allowed == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert 256 < allowed <= WANTED_DESCRIPTORS
    assert allow_descriptors() == allowed
