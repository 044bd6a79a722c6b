"""A trial: one program in the markets of several seeds, and perhaps another one in the same.

The rule: the first program that fails ends the trial, since what a broken program made is no
measure of it. Where it goes on until it is sure, it looks only at the numbers of seeds that
`looks_until` names, because every look has a part of the error that is allowed.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing

from disorderbook.lab.comparison import UNDECIDED, Comparison, compared, looks_until
from disorderbook.lab.measures import CENTS, Measures, measures
from disorderbook.lab.record import FAILED, FLOODED, HUNG, INTERRUPTED, RunEnding, RunRecord

FAILURES = (FAILED, HUNG, FLOODED)  # endings that make a trial worthless
MOST_SEEDS = 1000  # of a trial
UNTIL_SURE = 320  # seeds after which it is given up, if nobody says otherwise

Runs = Callable[[Sequence[int]], Generator[RunRecord, None, None]]
"""Runs a program with each of these seeds, and gives the records in this order; what it gives is
closed if it is not wanted any more.
"""
Watch = Callable[[RunRecord, bool], None]
"""Called with each record, and whether it is of the program that is tried, not of the other."""


class Trial:
    """`own` and `other` grow while it runs: the numbers of the program, and of the other one."""

    def __init__(
        self,
        seeds: Sequence[int],
        program: Runs,
        against: Runs | None = None,
        until_sure: bool = False,
    ) -> None:
        """With `until_sure`, `seeds` are as many as there may be at most."""
        self.seeds = seeds
        self.own: list[Measures] = []
        self.other: list[Measures] = []
        self.failure: tuple[int, RunEnding, bool] | None = None  # seed, why, whether of `program`
        self._program = program
        self._against = against
        self._looks = looks_until(len(seeds)) if until_sure else [len(seeds)]

    def run(self, watch: Watch) -> None:
        """Run all seeds, or as many as it takes; raises KeyboardInterrupt if a run was."""
        for look in self._looks:
            seeds = self.seeds[len(self.own) : look]
            if not self._run(self._program, seeds, self.own, watch):
                return
            if self._against is None:
                continue
            if not self._run(self._against, seeds, self.other, watch):
                return
            if self.comparison is not None and self.comparison.verdict != UNDECIDED:
                return

    @property
    def comparison(self) -> Comparison | None:
        """How the program did against the other, in dollars of profit; None of a failed trial."""
        if self.failure is not None or not self.other:
            return None
        first, second = ([each.pnl / CENTS for each in half] for half in (self.own, self.other))
        return compared(first, second, len(self._looks))

    @property
    def undone(self) -> list[int]:
        """The seeds that a failure has kept the program from."""
        if self.failure is None:
            return []
        return [seed for seed in self.seeds[len(self.own) :] if seed != self.failure[0]]

    def _run(self, runs: Runs, seeds: Sequence[int], results: list[Measures], watch: Watch) -> bool:
        """Whether all went well."""
        is_own = results is self.own
        with closing(runs(seeds)) as records:
            for record in records:
                if record.ending.reason == INTERRUPTED:
                    raise KeyboardInterrupt
                watch(record, is_own)
                if record.ending.reason in FAILURES:
                    self.failure = record.seed, record.ending, is_own
                    return False
                results.append(measures(record))
        return True
