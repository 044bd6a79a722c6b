"""The limits that users and old clients rely on."""

from disorderbook.tape.limits import Limits, limits_for


def test_the_limits_are_those_that_the_readme_names() -> None:
    limits = Limits()
    assert limits.handshake_seconds == 5 and limits.header_bytes == 8 * 1024
    assert limits.ping_seconds == limits.pong_seconds == 20
    assert limits.heard_bytes == 64 * 1024 and limits.heard_seconds == 10
    assert limits.listeners == 4096
    assert limits.waiting_messages == 4096 and limits.waiting_bytes == 4 * 1024**2


def test_half_of_the_descriptors_are_left_to_others() -> None:
    assert limits_for(16_384) == Limits()
    few = limits_for(512)
    assert few.listeners + few.newcomers == 256 and few.newcomers == 15
