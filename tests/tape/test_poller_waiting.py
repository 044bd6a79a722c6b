"""Waiting for sockets and for news: whoever brings news pays for a wake-up only after a silence."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from disorderbook.tape import poller
from disorderbook.tape.poller import Poller

AWAKE_SECONDS = 0.1


class Mailbox:
    """What a poller waits for, and the poller; `looks` counts how often it has looked."""

    def __init__(self) -> None:
        self.news = False
        self.looks = 0
        self.poller = Poller(self.has_news)
        self.near, self.far = socket.socketpair()

    def has_news(self) -> bool:
        self.looks += 1
        return self.news


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    yield mailbox
    mailbox.poller.close()
    mailbox.near.close()
    mailbox.far.close()


def test_a_socket_that_can_be_read_ends_the_waiting(mailbox: Mailbox) -> None:
    mailbox.poller.add(mailbox.near, "owner")
    assert mailbox.poller.wait(0) == []
    mailbox.far.send(b"x")
    [(key, _)] = mailbox.poller.wait(10)
    assert key.data == "owner"
    mailbox.poller.remove(mailbox.near)
    assert mailbox.poller.wait(0) == []


def test_room_to_write_is_reported_only_to_who_waits_for_it(mailbox: Mailbox) -> None:
    mailbox.poller.add(mailbox.near, "owner")
    mailbox.poller.change(mailbox.near, "owner", writing=True)
    assert len(mailbox.poller.wait(10)) == 1
    mailbox.poller.change(mailbox.near, "owner", writing=False)
    assert mailbox.poller.wait(0) == []


def test_it_looks_for_news_once_more_after_it_has_said_that_it_sleeps(mailbox: Mailbox) -> None:
    """News that came in between, without a wake-up, must not be slept through."""

    def has_news() -> bool:
        mailbox.looks += 1
        return mailbox.looks > 1

    with_late_news = Poller(has_news)
    assert with_late_news.wait(None) == []
    with_late_news.close()


def test_a_wake_up_ends_the_sleep(mailbox: Mailbox) -> None:
    waker = mailbox.poller.waker

    def bring_news() -> None:
        while not waker.asleep:
            time.sleep(0.001)
        mailbox.news = True
        waker.wake()

    bringing = threading.Thread(target=bring_news)
    bringing.start()
    assert mailbox.poller.wait(10) == [] and mailbox.news
    bringing.join()
    assert not waker.asleep
    mailbox.news = False
    assert mailbox.poller.wait(0) == []  # the waker is cleared


def test_after_news_that_stands_alone_it_sleeps_at_once(mailbox: Mailbox) -> None:
    mailbox.news = True
    mailbox.poller.wait(None)
    mailbox.news = False
    before = time.monotonic()
    mailbox.poller.wait(0.05)
    assert time.monotonic() - before > 0.04


def test_while_news_come_fast_it_naps_for_a_while_before_it_sleeps(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "AWAKE_SECONDS", AWAKE_SECONDS)
    mailbox.news = True
    mailbox.poller.wait(None)
    mailbox.poller.wait(None)
    mailbox.news = False
    start, naps = time.monotonic(), 0
    while not mailbox.poller.waker.asleep and time.monotonic() < start + AWAKE_SECONDS * 0.9:
        assert mailbox.poller.wait(10) == []  # and not for 10 seconds
        naps += 1
    assert naps > 3
    while time.monotonic() <= start + AWAKE_SECONDS:
        pass
    before = time.monotonic()
    mailbox.poller.wait(0.05)
    assert time.monotonic() - before > 0.04


def test_however_much_news_there_is_the_sockets_get_their_turn(mailbox: Mailbox) -> None:
    mailbox.poller.add(mailbox.near, "owner")
    mailbox.far.send(b"x")
    mailbox.news = True
    deadline = time.monotonic() + 10
    while not (ready := mailbox.poller.wait(None)):
        assert time.monotonic() < deadline
    assert ready[0][0].data == "owner"
