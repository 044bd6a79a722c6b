"""An instance of a level: a run that somebody plays, over HTTP, and what is told of it.

An instance keeps its id when it is restarted; its run is then another one. Once the last day of a
run has ended the venue is closed, and the run is let go of; what it came to is still told.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import Any, NamedTuple

from disorderbook.engine.book import Execution
from disorderbook.engine.orders import Fill, Side
from disorderbook.exchange import Titles
from disorderbook.game.levels import Level
from disorderbook.game.referee import OPEN, Goal, Portfolio
from disorderbook.game.run import Place, Run

MOST_OWN_FILLS = 10_000  # of a run, the newest


class OwnFill(NamedTuple):
    """A trade of the player; fills of a run count from 1."""

    number: int
    order_id: int
    day: int
    ts: int  # nanoseconds since 1970
    side: Side
    price: int  # cents
    quantity: int  # shares


class Standing(NamedTuple):
    """How an instance stands. `rank` is the player's by net asset value, from 1."""

    state: str
    flash: dict[str, str] | None
    trading_day: int | None
    progress: float  # of the day, from 0 to 1
    holding: Portfolio | None
    rank: int | None
    goal: Goal


class LevelInstance:
    """The exchange's lock must be held for everything here."""

    def __init__(self, number: int, player: str, level: Level) -> None:
        self.id, self.player, self.level = number, player, level
        self.waiting: list[Future[None]] = []  # for the end of day 0's trading

    def begin(self, run: Run, titles: Titles, seed_chosen: bool, tries: int, now: int) -> None:
        """Play a run from now on (nanoseconds since 1970)."""
        self.clear(run, run.place, titles)
        self.seed, self.seed_chosen, self.tries = run.seed, seed_chosen, tries
        self.started = now

    def clear(self, run: Run | None, place: Place, titles: Titles) -> None:
        """Have this run, None if it was let go of, and nothing of another one."""
        self.run, self.place, self.titles = run, place, titles
        self.scheduled: int | None = None  # the run's number in the schedule, while it is there
        self.paused_at: int | None = None  # when the run's clock was stopped, while it stands still
        self.is_paused = False  # the player wants the clock to stand still
        self.stop_after: int | None = None  # the day that is to be played before it does
        self.assisted = False
        self.decided_on: int | None = None  # the day on which it was won or lost
        self.fill_count = 0
        self._fills: deque[OwnFill] = deque(maxlen=MOST_OWN_FILLS)
        self._fills_by_day: Counter[int] = Counter()
        self.last: Standing | None = None  # of a run that was let go of

    @property
    def is_open(self) -> bool:
        """Whether it is neither won nor lost."""
        return self.run is not None and self.run.state == OPEN

    def standing(self, now: int) -> Standing:
        """How it stands at `now`, nanoseconds since 1970."""
        run = self.run
        if run is None:
            assert self.last is not None
            return self.last
        holding, goal = run.holding(), run.referee.goal
        if holding is None or holding.shares <= 0:
            goal = goal._replace(target_price=None)  # the client tells it once he has some shares
        rank = None
        if holding is not None:
            values = (p.net_asset_value(holding.price) for p in run.book.positions.values())
            rank = 1 + sum(value > holding.nav for value in values)
        now = now if self.paused_at is None else self.paused_at
        return Standing(
            run.state, run.flash, run.trading_day, run.progress(now), holding, rank, goal
        )

    def let_go(self, now: int) -> None:
        """Keep how it stands, and not the run."""
        self.last = self.standing(now)
        self.run = None

    def fills(self, since: int) -> list[OwnFill]:
        """The player's fills with a number over `since`, oldest first."""
        wanted = min(max(self.fill_count - since, 0), len(self._fills))
        return list(islice(reversed(self._fills), wanted))[::-1]

    def record(self, executions: Sequence[Execution], day: int) -> None:
        """Keep the player's part in trades."""
        for execution in executions:
            for order_id, side in self._own_sides(execution):
                fill = Fill(execution.price, execution.quantity, execution.ts)
                self._record_fill(order_id, side, fill, day)

    @property
    def fills_by_day(self) -> dict[str, int]:
        """How many fills each day has had, as JSON can hold it; days in ascending order."""
        return {str(day): count for day, count in self._fills_by_day.items()}

    def restore_fills(
        self, by_day: dict[str, Any], fills: Iterable[tuple[int, Side, Fill]]
    ) -> None:
        """Have those again that were recorded, oldest first, with the days that they are of."""
        days = (int(day) for day, count in by_day.items() for _ in range(count))
        for day, (order_id, side, fill) in zip(days, fills, strict=False):
            self._record_fill(order_id, side, fill, day)

    def _record_fill(self, order_id: int, side: Side, fill: Fill, day: int) -> None:
        self.fill_count += 1
        self._fills_by_day[day] += 1
        self._fills.append(
            OwnFill(self.fill_count, order_id, day, fill.ts, side, fill.price, fill.quantity)
        )

    def _own_sides(self, execution: Execution) -> Iterator[tuple[int, Side]]:
        for order in (execution.standing, execution.incoming):
            if order.account == self.place.account:
                yield order.id, order.side
