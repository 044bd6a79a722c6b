"""A turn does something before it is left; a change that is not finished is owned up to."""

import pytest

from disorderbook.exchange import Turn, WholeChange


def test_a_turn_is_finished_while_it_is_still_taken() -> None:
    finished: list[bool] = []
    turn = Turn(lambda: finished.append(turn.locked()))
    with turn:
        assert turn.locked() and finished == []
    with pytest.raises(ValueError), turn:
        raise ValueError
    assert finished == [True, True] and not turn.locked()


def test_a_turn_is_left_also_when_it_cannot_be_finished() -> None:
    def fail() -> None:
        raise OSError

    turn = Turn(fail)
    with pytest.raises(OSError), turn:
        pass
    assert not turn.locked()


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
def test_only_a_change_that_is_not_finished_is_abandoned(fault: type[BaseException]) -> None:
    abandoned: list[None] = []
    change = WholeChange(lambda: abandoned.append(None))
    with change:
        pass
    assert abandoned == []
    with pytest.raises(fault), change:
        raise fault
    assert abandoned == [None]
