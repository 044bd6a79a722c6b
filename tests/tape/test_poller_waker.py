"""Waking a sleeper: never too late, and never twice for nothing."""

import select
import threading

from disorderbook.tape.poller import Waker


def is_woken(waker: Waker, seconds: float = 0.0) -> bool:
    return bool(select.select([waker], [], [], seconds)[0])


def test_it_wakes_and_says_that_the_sleeper_is_awake() -> None:
    waker = Waker()
    waker.asleep = True
    waking = threading.Timer(0.01, waker.wake)
    waking.start()
    assert is_woken(waker, seconds=10)
    waking.join()
    assert not waker.asleep
    waker.close()


def test_cleared_it_can_wake_again() -> None:
    waker = Waker()
    for _ in range(3):
        waker.wake()
        assert is_woken(waker)
        waker.clear()
        assert not is_woken(waker)
    waker.close()


def test_waking_a_sleeper_that_never_clears_never_waits() -> None:
    waker = Waker()
    for _ in range(100_000):  # more than a socket holds
        waker.wake()
    assert is_woken(waker)
    waker.close()


def test_waking_a_sleeper_that_is_gone_does_nothing() -> None:
    waker = Waker()
    waker.close()
    waker.wake()
