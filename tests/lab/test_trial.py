"""Trials: which seeds are run, when they end, and that what runs is ended with them."""

from collections.abc import Generator, Sequence

import pytest
from records import Program, record_of, traded_book, tried

from disorderbook.lab.comparison import BETTER, SAME, UNDECIDED
from disorderbook.lab.record import FAILED, FLOODED, HUNG, INTERRUPTED, RunEnding, RunRecord
from disorderbook.lab.trial import UNTIL_SURE, Trial


def test_every_seed_is_run_once_and_watched() -> None:
    program, other, watched = Program(1), Program(), []
    trial = Trial(range(5, 9), program, other)
    trial.run(lambda record, is_own: watched.append((record.seed, is_own)))
    assert program.asked == other.asked == [[5, 6, 7, 8]] and program.closed == other.closed == 1
    assert watched == [(seed, own) for own in (True, False) for seed in range(5, 9)]
    assert [each.seed for each in trial.own] == [each.seed for each in trial.other] == [5, 6, 7, 8]
    assert trial.failure is None and trial.undone == []
    assert trial.comparison is not None and trial.comparison.seeds == 4


def test_alone_there_is_no_comparison() -> None:
    assert tried(Program()).comparison is None


@pytest.mark.parametrize("reason", [FAILED, HUNG, FLOODED])
@pytest.mark.parametrize("is_own", [True, False])
def test_the_first_failure_ends_it(reason: str, is_own: bool) -> None:
    good, bad = Program(), Program(ends={6: reason})
    first, second = (bad, good) if is_own else (good, bad)
    trial = tried(first, second)
    assert trial.failure == (6, RunEnding(reason, 3), is_own)
    assert trial.comparison is None and bad.closed == 1
    assert [each.seed for each in (trial.own if is_own else trial.other)] == [5]
    assert good.asked == ([] if is_own else [[5, 6, 7, 8]])
    assert trial.undone == ([7, 8] if is_own else [])


def test_an_interrupt_ends_it() -> None:
    program = Program(ends={6: INTERRUPTED})
    with pytest.raises(KeyboardInterrupt):
        tried(program)
    assert program.closed == 1


def test_until_it_is_sure_it_looks_after_ten_twenty_and_so_on() -> None:
    one, other = Program(1), Program(1)
    trial = tried(one, other, UNTIL_SURE, sure=True)
    assert one.asked == other.asked == [list(range(5, 15))]
    assert trial.comparison is not None and trial.comparison.verdict == SAME
    unsure, flat = Program(1), Program()
    trial = tried(unsure, flat, 25, sure=True)
    assert unsure.asked == [list(range(5, 15)), list(range(15, 25)), list(range(25, 30))]
    assert trial.comparison is not None
    assert (trial.comparison.verdict, trial.comparison.looks) == (UNDECIDED, 3)


def test_it_ends_when_it_is_sure() -> None:
    def rich(seeds: Sequence[int]) -> Generator[RunRecord, None, None]:
        for seed in seeds:
            book, orders = traded_book(seed, 40)
            account = max(book.positions.values(), key=lambda each: each.net_asset_value(5000))
            yield record_of(orders, seed=seed, account=account.account)

    trial = tried(rich, Program(), UNTIL_SURE, sure=True)
    assert trial.comparison is not None and trial.comparison.verdict == BETTER
    assert len(trial.own) in (10, 20)
