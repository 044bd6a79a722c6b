"""Waking a sleeper: never too late, and never twice for nothing."""

import select
import threading

from disorderbook.tape.poller import Bell


def is_ringing(bell: Bell, seconds: float = 0.0) -> bool:
    return bool(select.select([bell], [], [], seconds)[0])


def test_a_ring_wakes_and_says_that_the_sleeper_is_awake() -> None:
    bell = Bell()
    bell.asleep = True
    ringer = threading.Timer(0.01, bell.ring)
    ringer.start()
    assert is_ringing(bell, seconds=10)
    ringer.join()
    assert not bell.asleep
    bell.close()


def test_hushed_it_can_ring_again() -> None:
    bell = Bell()
    for _ in range(3):
        bell.ring()
        assert is_ringing(bell)
        bell.hush()
        assert not is_ringing(bell)
    bell.close()


def test_ringing_a_bell_that_nobody_hushes_never_waits() -> None:
    bell = Bell()
    for _ in range(100_000):  # more than a socket holds
        bell.ring()
    assert is_ringing(bell)
    bell.close()


def test_ringing_for_a_sleeper_that_is_gone_does_nothing() -> None:
    bell = Bell()
    bell.close()
    bell.ring()
