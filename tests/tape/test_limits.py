"""The limits that users and old clients rely on."""

from disorderbook.tape.limits import Limits


def test_the_limits_are_those_that_the_readme_names() -> None:
    limits = Limits()
    assert limits.handshake_seconds == 5 and limits.header_bytes == 8 * 1024
    assert limits.ping_seconds == limits.pong_seconds == 20
    assert limits.heard_bytes == 64 * 1024 and limits.heard_seconds == 10
    assert limits.listeners == 4096
    assert limits.waiting_messages == 4096 and limits.waiting_bytes == 4 * 1024**2
