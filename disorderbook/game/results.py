"""Results: how levels have ended, for everybody to see, and each player's best.

The newest MOST_RESULTS are held. What is remembered of a player (how often he has started a level,
and his best result) is held for the MOST_RECORDS players and levels that were used last.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import NamedTuple

from disorderbook.game.referee import WON
from disorderbook.ledger.runs import RESULTS_KEPT, STARTS_READ

MOST_RESULTS = RESULTS_KEPT
MOST_RECORDS = STARTS_READ  # of a player in a level


class LevelResult(NamedTuple):
    """How somebody has won or lost a level."""

    level: str
    player: str  # the key's holder, or the account where no keys are needed; never the key
    state: str  # WON or LOST
    days: int  # trading days that had begun
    nav: int  # net asset value, cents
    seed: int
    seed_chosen: bool
    tries: int  # how often the player has started this level, this time included
    assisted: bool  # whether the player has paused, or had a day begin early
    ts: int  # when, nanoseconds since 1970

    @property
    def rank(self) -> tuple[bool, int, int]:
        """The higher, the better: what was won, in few days, with much money; what was lost, with
        much money, after many days.
        """
        if self.state == WON:
            return True, -self.days, self.nav
        return False, self.nav, self.days


class LevelRecord:
    """What is remembered of a player in a level."""

    __slots__ = ("tries", "best")

    def __init__(self) -> None:
        self.tries = 0
        self.best: LevelResult | None = None


class Results:
    """The exchange's lock must be held for everything here."""

    def __init__(self) -> None:
        self._newest: deque[LevelResult] = deque(maxlen=MOST_RESULTS)
        self._records: OrderedDict[tuple[str, str], LevelRecord] = OrderedDict()

    def __iter__(self) -> Iterator[LevelResult]:
        """The newest first."""
        return reversed(self._newest)

    def best(self, player: str, level: str) -> LevelResult | None:
        """A player's best result in a level; `player` as `Accounts.player_of` gives it."""
        record = self._records.get((player, level))
        return None if record is None else record.best

    def count_start(self, player: str, level: str) -> int:
        """The how-manieth start of a player in a level this is, from 1."""
        record = self._record(player, level)
        record.tries += 1
        return record.tries

    def add(self, player: str, result: LevelResult) -> None:
        """A level was won or lost by this player."""
        self._newest.append(result)
        record = self._record(player, result.level)
        if record.best is None or result.rank > record.best.rank:
            record.best = result

    def restore_starts(self, player: str, level: str, starts: int) -> None:
        """So often a player has started a level in earlier processes."""
        self._record(player, level).tries = starts

    def _record(self, player: str, level: str) -> LevelRecord:
        record = self._records.setdefault((player, level), LevelRecord())
        self._records.move_to_end((player, level))
        if len(self._records) > MOST_RECORDS:
            self._records.popitem(last=False)
        return record
