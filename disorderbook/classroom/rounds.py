"""The rounds of an afternoon: how each one stands, and the steps from one to the next.

    new -> created -> running <-> paused -> ended
                         |                  ^
                         +-----> over ------+

A created round's stocks are there, halted. A running round trades until its time is over, and then
it is halted. In the end its stocks are settled, and what everybody has made is written down.

The rule: how a round stands is in a file of the class's folder, so that a restart goes on with it
and another terminal can lead it. A step first asks the exchange for what it needs and then writes
the file, and may be repeated if one of the two has failed.
"""

import json
import math
import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from disorderbook.classroom.connection import AdminConnection
from disorderbook.classroom.folder import FILE_MODE, ClassFolder, write
from disorderbook.classroom.plan import ClassPlan, Round
from disorderbook.game.referee import WON

try:
    import fcntl
except ImportError:  # Windows: one terminal at a time
    fcntl = None  # type: ignore[assignment]

NEW, CREATED, RUNNING, PAUSED, OVER, ENDED = (
    "new",
    "created",
    "running",
    "paused",
    "over",
    "ended",
)
IS_ON = (RUNNING, PAUSED, OVER)
STANDS = {
    NEW: "is not created yet",
    CREATED: "is created, and not started yet",
    RUNNING: "is running",
    PAUSED: "is paused",
    OVER: "is over: `end` settles it",
    ENDED: "has ended",
}
NOT_YET, PAUSE, TIME_UP = (
    "not started yet",
    "paused by the teacher",
    "time is up",
)  # why it is halted
SECONDS = 60  # of a minute
LONGEST_ANNOUNCEMENT = 200  # characters
LONGEST_PLACE = 60  # characters beside a countdown

Scores = dict[str, int]
"""Net asset value of each account in a round, in cents."""


class RoundState(NamedTuple):
    """How a round stands. Times are in seconds since 1970."""

    phase: str = NEW
    started: float = 0.0
    ends: float = 0.0  # when a running round's time is up
    left: float = 0.0  # seconds that a paused round has left
    scores: Scores = {}  # of an ended round


class Rounds:
    """Leads through the rounds of a plan. Every step raises ValueError with a sentence if it is not
    the time for it, NoExchange, RefusedAction (a ValueError) or OSError.
    """

    def __init__(
        self,
        folder: ClassFolder,
        plan: ClassPlan,
        connection: AdminConnection,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.plan = plan
        self._folder, self._connection, self._now = folder, connection, now

    # ---- how they stand

    def states(self) -> dict[int, RoundState]:
        """That of each round, by number; raises ValueError for a file that is damaged."""
        found: dict[int, RoundState] = {each.number: RoundState() for each in self.plan.rounds}
        try:
            content = self._folder.rounds_file.read_bytes()
        except FileNotFoundError:
            return found
        try:
            stored = json.loads(content)
            read = {int(number): RoundState(**fields) for number, fields in stored.items()}
        except (AttributeError, TypeError, ValueError):
            raise ValueError(f"{self._folder.rounds_file} is damaged") from None
        return found | {number: state for number, state in read.items() if number in found}

    def current(self) -> Round | None:
        """The round that is running, paused or over."""
        states = self.states()
        return next((each for each in self.plan.rounds if states[each.number].phase in IS_ON), None)

    def following(self) -> Round | None:
        """The first round that has not been started."""
        states = self.states()
        waiting = (NEW, CREATED)
        return next((r for r in self.plan.rounds if states[r.number].phase in waiting), None)

    def seconds_left(self, state: RoundState) -> float:
        if state.phase == RUNNING:
            return max(0.0, state.ends - self._now())
        return state.left if state.phase == PAUSED else 0.0

    # ---- the steps

    def create(self, number: int) -> str:
        """Have the stocks of a round, halted. What each step returns is a sentence for people."""
        with self._step(number, NEW) as (found, state):
            for stock in found.stocks:
                self._connection.act("open", venue=found.venue, symbol=stock, halted=True)
            self._halt(found, NOT_YET)
            self._change(number, state._replace(phase=CREATED))
        return f"{_name(found)} is created."

    def start(self, number: int) -> str:
        """Let everybody trade, for as long as the round takes."""
        if self.states().get(number, RoundState()).phase == NEW:
            self.create(number)
        with self._step(number, CREATED) as (found, state):
            self._check_nothing_is_on()
            seconds = found.minutes * SECONDS
            if found.stocks:
                self._connection.act("resume", venue=found.venue)
            self._announce(found, found.text or _invitation(found))
            self._count_down(found, seconds)
            now = self._now()
            self._change(number, RoundState(RUNNING, now, now + seconds))
        minutes = "1 minute" if found.minutes == 1 else f"{found.minutes:g} minutes"
        return f"{_name(found)} runs for {minutes}."

    def pause(self, number: int) -> str:
        with self._step(number, RUNNING) as (found, state):
            left = max(0.0, state.ends - self._now())
            self._halt(found, PAUSE)
            self._connection.act("countdown", seconds=0)
            self._announce(found, "paused")
            self._change(number, state._replace(phase=PAUSED, left=left))
        return f"{_name(found)} is paused with {clock(left)} left."

    def resume(self, number: int) -> str:
        with self._step(number, PAUSED) as (found, state):
            if found.stocks:
                self._connection.act("resume", venue=found.venue)
            self._announce(found, found.text or _invitation(found))
            self._count_down(found, state.left)
            ends = self._now() + state.left
            self._change(number, state._replace(phase=RUNNING, ends=ends))
        return f"{_name(found)} goes on."

    def stop(self, number: int) -> str:
        """Halt a round whose time is up."""
        with self._step(number, RUNNING) as (found, state):
            self._halt(found, TIME_UP)
            self._connection.act("countdown", seconds=0)
            self._announce(found, "time is up")
            self._change(number, state._replace(phase=OVER))
        return f"Time is up in {_name(found)}: it is halted. `end` settles it."

    def end(self, number: int) -> str:
        """Settle a round, and write down what everybody has made."""
        with self._step(number, *IS_ON) as (found, state):
            scores = self._settled(found) if found.stocks else self._level_scores(found, state)
            self._connection.act("countdown", seconds=0)
            students = self._folder.students()  # a bot stands in no place
            made = [each for each in scores.items() if each[0] in students]
            best = sorted(made, key=lambda each: -each[1])[:3]
            named = ", ".join(f"{account:.40} {nav / 100:,.2f}" for account, nav in best)
            self._announce(found, f"ended. {named}" if named else "ended")
            self._change(number, state._replace(phase=ENDED, scores=scores))
        return f"{_name(found)} has ended."

    def go_on(self) -> None:
        """After a restart of the exchange: have what is not in its file, the countdown."""
        found = self.current()
        state = self.states()[found.number] if found else RoundState()
        if found and state.phase == RUNNING:
            self._count_down(found, self.seconds_left(state))

    # ---- scores

    def scores(self, number: int) -> Scores:
        """What everybody has made in a round so far."""
        found, state = self._round(number), self.states()[number]
        if state.phase == ENDED:
            return state.scores
        if state.phase not in IS_ON:
            return {}
        return self._market_scores(found) if found.stocks else self._level_scores(found, state)

    def _market_scores(self, found: Round) -> Scores:
        told = self._connection.scores(found.venue)["scores"]
        return {each["account"]: each["nav"] for each in told}

    def _level_scores(self, found: Round, state: RoundState) -> Scores:
        """The best net asset value of each who has won the level since the round was started."""
        won: Scores = {}
        for each in self._connection.results():
            is_meant = each["level"] == found.level and each["state"] == WON
            if is_meant and _seconds(each["ts"]) >= state.started:
                won[each["player"]] = max(each["nav"], won.get(each["player"], each["nav"]))
        return won

    # ---- inside

    def _settled(self, found: Round) -> Scores:
        """Settle what is not settled yet; what nobody has traded, at nothing."""
        stocks = self._connection.scores(found.venue)["stocks"]
        marks = {each["symbol"]: each.get("price", 0) for each in stocks}
        settled = self._connection.settled(found.venue)
        for stock in found.stocks:
            if stock not in settled:
                price = marks.get(stock, 0) if found.settle is None else found.settle
                self._connection.act("settle", venue=found.venue, symbol=stock, price=price)
        return self._market_scores(found)

    def _halt(self, found: Round, reason: str) -> None:
        if found.stocks:
            self._connection.act("halt", venue=found.venue, reason=reason)

    def _announce(self, found: Round, text: str) -> None:
        self._connection.act("announce", text=f"{_heading(found)} {text}"[:LONGEST_ANNOUNCEMENT])

    def _count_down(self, found: Round, seconds: float) -> None:
        self._connection.act("countdown", seconds=math.ceil(seconds), text=_place(found))

    def _check_nothing_is_on(self) -> None:
        current = self.current()
        if current is not None:
            raise ValueError(f"{_name(current)} is on: end it first")

    def _round(self, number: int) -> Round:
        if not 1 <= number <= len(self.plan.rounds):
            raise ValueError(f"There is no round {number}: the class has {len(self.plan.rounds)}")
        return self.plan.rounds[number - 1]

    @contextmanager
    def _step(self, number: int, *phases: str) -> Iterator[tuple[Round, RoundState]]:
        """A round that is in one of these phases, for a step that nobody else takes meanwhile."""
        found = self._round(number)
        with self._locked():
            state = self.states()[number]
            if state.phase not in phases:
                raise ValueError(f"{_name(found)} {STANDS[state.phase]}")
            yield found, state

    def _change(self, number: int, state: RoundState) -> None:
        states = self.states() | {number: state}
        text = json.dumps({number: each._asdict() for number, each in states.items()}, indent=1)
        write(self._folder.rounds_file, text + "\n")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        flags = os.O_WRONLY | os.O_CREAT
        with open(os.open(self._folder.lock_file, flags, FILE_MODE), "w") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def totals(
    rounds: Rounds, students: Collection[str], scores_of: Callable[[int], Scores]
) -> list[tuple[str, list[int | None], int]]:
    """Each student with what was made in each round (None: nothing) and in all that are no levels,
    in cents; the best first. `scores_of` gives the scores of a round by its number.
    """
    table = [(each, scores_of(each.number)) for each in rounds.plan.rounds]
    rows = [
        (
            account,
            [scores.get(account) for _, scores in table],
            sum(scores.get(account, 0) for each, scores in table if each.stocks),
        )
        for account in students
    ]
    return sorted(rows, key=lambda row: (-row[2], row[0]))


def _name(found: Round) -> str:
    return f"Round {found.number}, {found.title}" if found.title else f"Round {found.number}"


def clock(seconds: float) -> str:
    """How long that is, as 11:57."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _heading(found: Round) -> str:
    """Its name before a text; a question mark needs no colon behind it."""
    name = _name(found)
    return name if name[-1] in ".?!" else f"{name}:"


def _invitation(found: Round) -> str:
    return f"trade {_place(found)}" if found.stocks else f"play the level {found.level}"


def _place(found: Round) -> str:
    """Where a round trades, which its title and its text need not say; the title of a level."""
    if not found.stocks:
        return found.title
    place = f"at {found.venue}"
    named = f"{', '.join(found.stocks)} {place}"
    return named if len(named) <= LONGEST_PLACE else place


def _seconds(stamp: str) -> float:
    """Since 1970; a time stamp of the exchange has more digits than are needed here."""
    return datetime.fromisoformat(f"{stamp[:19]}+00:00").timestamp()
