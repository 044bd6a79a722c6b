"""The schedule of all runs: a heap of when each is due, for the one thread that serves them.

That thread takes the exchange's lock for one `act` at a time, so nobody waits for a whole burst:

    while True:
        wait until schedule.next_at
        with exchange.transaction():
            schedule.act(exchange.now())
"""

import heapq

from disorderbook.game.run import Run

FEW = 100  # entries of the heap whose runs may be gone


class Schedule:
    """The runs that are under way. The exchange's lock must be held for everything here."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int]] = []  # when, and a number in `_runs`
        self._runs: dict[int, Run] = {}
        self._next_number = 0

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def next_at(self) -> int | None:
        """When something is due, in nanoseconds since 1970; None while there is no run."""
        while self._heap and self._heap[0][1] not in self._runs:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def add(self, run: Run) -> int:
        """Serve a run; returns the number by which it can be removed."""
        number = self._next_number
        self._next_number += 1
        self._runs[number] = run
        heapq.heappush(self._heap, (run.next_at, number))
        return number

    def remove(self, number: int) -> None:
        """Serve a run no longer, if it still is."""
        self._runs.pop(number, None)
        if len(self._heap) > 2 * len(self._runs) + FEW:  # what was removed is mostly not due yet
            self._heap = [entry for entry in self._heap if entry[1] in self._runs]
            heapq.heapify(self._heap)

    def remove_first(self) -> Run | None:
        """Serve the run no longer that is due first; returns it."""
        return None if self.next_at is None else self._runs.pop(self._heap[0][1])

    def act(self, now: int) -> Run | None:
        """Have the run that is due longest do one thing, if any is due; returns that run.

        One that is over is removed.
        """
        due = self.next_at
        if due is None or due > now:
            return None
        _, number = self._heap[0]
        run = self._runs[number]
        run.act(now)
        if run.is_over:
            del self._runs[number]
            heapq.heappop(self._heap)
        else:
            heapq.heapreplace(self._heap, (run.next_at, number))
        return run
