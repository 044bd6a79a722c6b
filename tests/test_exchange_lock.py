"""The lock is held until what has changed is committed; a change that is not finished is owned up
to.
"""

import pytest

from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.exchange import Exchange
from disorderbook.ledger.base import Ledger

BUY = NewOrder("ANN", Side.BUY, OrderType.LIMIT, 5000, 10)


class Witness(Ledger):
    """A ledger that remembers whether the lock was held, and fails where it is told to."""

    def __init__(self) -> None:
        self.exchange: Exchange | None = None
        self.committed: list[bool] = []
        self.abandoned = 0
        self.fault: BaseException | None = None

    def commit(self) -> tuple[()]:
        self._fail()
        assert self.exchange is not None
        self.committed.append(self.exchange.lock.locked())
        return ()

    def submit(self, book: object, outcome: object) -> None:
        self._fail()

    cancel = submit

    def open_book(self, book: object) -> None:
        self._fail()

    def roll_back(self) -> None:
        self.abandoned += 1

    def _fail(self) -> None:
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def ledger() -> Witness:
    ledger = Witness()
    ledger.exchange = Exchange(ledger=ledger)
    return ledger


def test_a_transaction_commits_while_the_lock_is_held(ledger: Witness) -> None:
    exchange = ledger.exchange
    with exchange.transaction():
        assert exchange.lock.locked() and ledger.committed == []
    with pytest.raises(ValueError), exchange.transaction():
        raise ValueError
    assert ledger.committed == [True, True] and not exchange.lock.locked()


def test_a_group_commit_is_left_to_who_set_it(ledger: Witness) -> None:
    ledger.exchange.group_commit = True
    with ledger.exchange.transaction():
        pass
    assert ledger.committed == []


def test_the_lock_is_released_also_when_nothing_can_be_committed(ledger: Witness) -> None:
    ledger.fault = OSError()
    with pytest.raises(OSError), ledger.exchange.transaction():
        pass
    assert not ledger.exchange.lock.locked()


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
def test_only_a_change_that_is_not_finished_is_abandoned(
    ledger: Witness, fault: type[BaseException]
) -> None:
    exchange = ledger.exchange
    book = exchange.book("V", "S")
    order = exchange.submit(book, BUY)
    assert ledger.abandoned == 0
    ledger.fault = fault()
    for change in (
        lambda: exchange.submit(book, BUY),
        lambda: exchange.cancel(order),
        lambda: exchange.book("V", "T"),
    ):
        with pytest.raises(fault):
            change()
    assert ledger.abandoned == 3
