"""What holds the tape back: until it is let go on, or until each event has had its delay.

The one rule: what is held back stays in the backlog, so it is as bounded and as conflated there as
whatever the tape has not come to yet.
"""

import math
from collections.abc import Callable

from disorderbook.tape.conflation import Event
from disorderbook.timeline.clock import Clock

LOOK_SECONDS = 0.01  # between two looks at a clock that moves only when it is told to


class Gate:
    """Says when an event may be told, in their order. `draw` gives the nanoseconds that the next
    one is late, on `clock`; None is at once. For the tape's thread, but for `is_shut`.
    """

    def __init__(self, draw: Callable[[], int] | None, clock: Clock | None, is_shut: bool) -> None:
        self.is_shut = is_shut
        self.draw, self.clock = draw, clock
        self._next: Event | None = None
        self._due = 0

    def is_new(self, event: Event) -> bool:
        """Whether nothing is known of this event yet, and its time is to be found out."""
        return not self.is_shut and event is not self._next

    def passes(self, event: Event) -> bool:
        """Whether the event that comes next may be told now."""
        if self.is_shut:
            return False
        if self.draw is None or self.clock is None:
            return True
        if event is not self._next:
            self._next = event
            self._due = max(self._due, event[1].quote_time + self.draw())
        return self.clock() >= self._due

    def seconds(self) -> float:
        """Real seconds until it is worth asking again; infinite until somebody opens the gate."""
        if self.is_shut or self.clock is None:
            return math.inf
        seconds = self.clock.seconds_until(self._due)
        return LOOK_SECONDS if seconds is None else max(0.0, seconds)
