"""The game master: starts, restarts and stops instances of levels, and has their bots act.

A player has one instance of a level at most. Each has a venue, a stock and an account of its own,
under names that nobody has had before. Who may trade there is in the Accounts; the venue is
reserved in the Exchange. When the bots act is decided by the runs; `act` is to be called whenever
`next_at` has come, which the game's thread does.

The exchange's lock must be held for everything here but the construction.

**What is recorded**, so that instances survive a restart of the exchange: at its start and its end
each run, under the name of its venue; results as they come; and before each commit the state of
every instance that may have changed since the last one (game/storage.py). So the state and the
orders that led to it are in one transaction, and a busy exchange writes it no oftener than it
commits. Whatever changes an instance asks the ledger first whether it can be written.
"""

import hashlib
import logging
import random
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from disorderbook.accounts import Accounts, PrivateVenue
from disorderbook.engine.book import Execution, OrderBook
from disorderbook.errors import (
    CannotSnapshot,
    CannotWrite,
    Ending,
    ExchangeError,
    LevelIsOver,
    MarketWasReset,
    NeedsTape,
    NoAccusation,
    NoSuchInstance,
    NoSuchLevel,
    TooManyInstances,
    Unavailable,
)
from disorderbook.exchange import Exchange, Participant, Titles
from disorderbook.game.chance import MAX_SEED
from disorderbook.game.identity import CITIES, COMPANIES, identity
from disorderbook.game.instance import LevelInstance
from disorderbook.game.levels import LEVELS, Level
from disorderbook.game.referee import LAST_DAY, OPEN
from disorderbook.game.results import LevelResult, Results
from disorderbook.game.run import DAY_SECONDS, Place, Run
from disorderbook.game.schedule import Schedule
from disorderbook.game.storage import restored, stored, stored_fills
from disorderbook.ledger.base import Instance, Ledger, StoredGame, StoredResult, StoredRun
from disorderbook.options import check_integer, check_number
from disorderbook.protocol.names import detail_of
from disorderbook.protocol.shard import Shard

MAX_INSTANCES = 200  # that run, unless an option says otherwise
MOST_ENDED = 1000  # instances whose last day has ended, and that still can be asked about
DRAWS = 1000  # of names, until one is free
DRAWN_SEEDS = 2**32
SHORTEST_DAY, LONGEST_DAY = 0.05, 60.0  # seconds
MOST_INSTANCES = 10_000  # that an option may allow

log = logging.getLogger(__name__)


class GameSettings(NamedTuple):
    """How levels are played: how long a day takes, in seconds; the number from which the seeds of
    instances follow, None for random ones; how many instances may run; and which of several
    exchanges this is.
    """

    day_seconds: float = DAY_SECONDS
    seed: int | None = None
    max_instances: int = MAX_INSTANCES
    shard: Shard | None = None


def checked_game(day_seconds: float, seed: int | None, max_instances: int) -> GameSettings:
    """The settings of these values; raises ValueError for one that cannot be used."""
    check_number("day_seconds", day_seconds, SHORTEST_DAY, LONGEST_DAY)
    if seed is not None:
        check_integer("seed", seed, 0, MAX_SEED)
    check_integer("max_instances", max_instances, 1, MOST_INSTANCES)
    return GameSettings(day_seconds, seed, max_instances)


class GameMaster(Participant):
    """The instances. While one runs, `watch` is one of the exchange's publishers.

    `names` is what venues, stocks and accounts are drawn from: None for what nobody can foresee.
    `forget` is called with each book that is closed. `wake` is called when something is due earlier
    than `next_at` said. `last_id` is the highest id ever given. The ledger is the exchange's.
    """

    def __init__(
        self,
        exchange: Exchange,
        accounts: Accounts,
        settings: GameSettings = GameSettings(),
        *,
        has_tape: bool = False,
        forget: Sequence[Callable[[OrderBook], None]] = (),
        ledger: Ledger = Ledger(),
        last_id: int = 0,
        names: random.Random | None = None,
    ) -> None:
        self.settings, self.has_tape = settings, has_tape
        self.results = Results()
        self.wake: Callable[[], None] = _do_nothing
        self._exchange, self._accounts = exchange, accounts
        self._forget, self._ledger = forget, ledger
        self._last_id = last_id
        self._names = names or random.SystemRandom()
        self._first_names = None if names is None else names.getstate()
        self._schedule = Schedule()
        self._instances: dict[int, LevelInstance] = {}
        self._current: dict[tuple[str, str], LevelInstance] = {}  # by player and level
        self._running: dict[OrderBook, LevelInstance] = {}
        self._ended: OrderedDict[int, LevelInstance] = OrderedDict()
        self._changed: dict[int, LevelInstance] = {}  # since the last commit
        self.has_changed = False
        exchange.participant = self

    # ---- what a player does

    def start(self, player: str, name: str, seed: int | None = None) -> LevelInstance:
        """The player's open instance of a level; if he has none, a new one, which ends the one that
        he has won or lost. Raises NoSuchLevel, NeedsTape, TooManyInstances.
        """
        if name not in LEVELS:
            raise NoSuchLevel(name, ", ".join(LEVELS))
        level, current = LEVELS[name], self._current.get((player, name))
        if current is not None and current.is_open:
            return current
        if level.needs_tape and not self.has_tape:
            raise NeedsTape
        self._require_room(current)
        self._ledger.require_writable()
        place = self._place(level)
        if current is not None:
            self.stop(current)
        instance = LevelInstance(self._next_id(), player, level)
        self._begin(instance, place, seed)
        self._last_id = instance.id
        self._instances[instance.id] = instance
        self._current[player, name] = instance
        return instance

    def restart(self, instance: LevelInstance, seed: int | None = None) -> None:
        """Begin again at day 0, with another account, venue, stock and (if none is given) seed."""
        self._require_room(instance)
        self._ledger.require_writable()
        place = self._place(instance.level)
        self._end_run(instance)
        self._ended.pop(instance.id, None)
        self._begin(instance, place, seed)

    def stop(self, instance: LevelInstance) -> None:
        """End and forget an instance."""
        self._ledger.record_instance(instance.id, None)
        self._end_run(instance)
        _resolve(instance, NoSuchInstance())
        self._ended.pop(instance.id, None)
        self._changed.pop(instance.id, None)
        del self._instances[instance.id]
        del self._current[instance.player, instance.level.name]

    def instance(self, instance_id: int) -> LevelInstance:
        """An instance that was started and not stopped; raises NoSuchInstance."""
        if instance_id not in self._instances:
            raise NoSuchInstance(no_such_id(instance_id))
        return self._instances[instance_id]

    def current(self, player: str) -> list[LevelInstance]:
        """The player's instances, in the order of the levels."""
        found = (self._current.get((player, name)) for name in LEVELS)
        return [instance for instance in found if instance is not None]

    def opened(self, instance: LevelInstance) -> Future[None]:
        """Is done once day 0 has been traded; fails with an ExchangeError if that never comes."""
        future: Future[None] = Future()
        if instance.run is not None and instance.run.is_opening:
            instance.waiting.append(future)
        else:
            future.set_result(None)
        return future

    def require_accusations(self, instance: LevelInstance) -> None:
        """Raise NoAccusation in a level that takes none."""
        if not instance.level.takes_accusation:
            raise NoAccusation

    def judge(self, instance: LevelInstance, account: str) -> None:
        """Take the one accusation; once the level is decided it changes nothing."""
        if instance.run is not None:
            self._change(instance)
            instance.run.judge(account)
            self._note_result(instance)

    def pause(self, instance: LevelInstance) -> None:
        """Have the instance's clock stand still, once day 0 has been traded; raises LevelIsOver."""
        run = _running(instance)
        self._change(instance)
        instance.is_paused = instance.assisted = True
        if run.is_opening:
            instance.stop_after = 0
        elif instance.scheduled is not None and instance.stop_after is None:
            self._halt(instance)

    def go_on(self, instance: LevelInstance) -> None:
        """Have it go on after a pause; raises LevelIsOver."""
        _running(instance)
        self._change(instance)
        instance.is_paused = False
        self._schedule_again(instance)

    def advance(self, instance: LevelInstance) -> None:
        """Have the next day begin now, and its burst be traded, also in a pause. Raises
        LevelIsOver.
        """
        run = _running(instance)
        self._change(instance)
        instance.assisted = True
        instance.stop_after = min(max(instance.stop_after or 0, run.day) + 1, LAST_DAY + 1)
        self._schedule_again(instance)

    # ---- what happens by itself

    @property
    def next_at(self) -> int | None:
        """When something is due, nanoseconds since 1970; None while nobody plays."""
        return self._schedule.next_at

    def act(self) -> bool:
        """Have one bot place or cancel an order, if it is time; False if nothing is due."""
        run = self._next_action()
        if run is None:
            return False
        instance = self._running[run.book]
        self._change(instance)
        if not run.is_opening and instance.waiting:
            _resolve(instance, None)
        self._note_result(instance)
        if run.is_over:
            self._finish(instance)
        elif instance.stop_after is not None:
            self._go_on_to(instance, run, instance.stop_after)
        return True

    def watch(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        """Have the referee look at trades, and keep the player's: a publisher of the exchange."""
        if not executions:
            return
        instance = self._running.get(book)
        if instance is not None and instance.run is not None:
            self._change(instance)
            instance.record(executions, instance.run.day)
            instance.run.watch(book, executions)
            self._note_result(instance)

    def close(self) -> None:
        """Let nobody wait any more, and have it recorded until when the clocks went. Raises
        CannotWrite.
        """
        for instance in self._running.values():
            _resolve(instance, Ending())
        self._exchange.now()
        for instance in self._running.values():
            self._change(instance)

    name = "game master"

    def reset(self, book: OrderBook | None) -> None:
        """Have no level in play and none that was ever played, unless it is one book only that
        begins anew, which is none of a level's.
        """
        if book is not None:
            return
        lost = list(self._instances.values())
        self._accounts.open_all_venues()
        self._forget_all()
        self._last_id = 0
        if self._first_names is not None:
            self._names.setstate(self._first_names)
        for instance in lost:
            _resolve(instance, MarketWasReset())

    def save(self) -> object:
        """What `load` goes on from. Raises CannotSnapshot while a level is in play."""
        if self._instances:
            raise CannotSnapshot(f"{len(self._instances)} levels are in play; allowed: none")
        names = None if self._first_names is None else self._names.getstate()
        return self.results, self._last_id, names, self._accounts.closed_venues()

    def load(self, state: Any) -> None:
        """Go on from there; what is in play now ends."""
        self.reset(None)
        self.results, self._last_id, names, closed = state
        if names is not None:
            self._names.setstate(names)
        for venue in closed:
            self._accounts.close_venue(venue)

    # ---- storage

    def record(self) -> None:
        """Give the ledger the state of each instance that may have changed since then."""
        changed, self._changed, self.has_changed = self._changed, {}, False
        for instance in changed.values():
            self._ledger.record_state(stored(instance, self._exchange.latest))

    def restore(self) -> None:
        """Go on from the last commit, after one that has failed; raises CannotRead."""
        lost = list(self._instances.values())
        for instance in lost:
            _resolve(instance, CannotWrite())
            if instance.run is not None:
                self._accounts.private.pop(instance.place.venue, None)
        self.go_on_from(self._ledger.committed_game(), self._exchange.latest)

    def go_on_from(self, game: StoredGame, latest: int) -> None:
        """Have these instances and no others. Their clocks stood still since `latest`, nanoseconds
        since 1970. The exchange has its books already.
        """
        self._forget_all()
        self._exchange.restore_closed(game.closed)
        for venue in game.closed:
            self._accounts.close_venue(venue)
        for player, level, starts in game.starts:
            self.results.restore_starts(player, level, starts)
        for result in game.results:
            self.results.add(result.player_id, LevelResult(*result[1:]))
        stood = max(self._exchange.read_clock() - 1, latest) - latest  # read: what was read is over
        for state in game.states:
            instance = restored(state, self._exchange, stood)
            fills = self._ledger.own_fills(instance.place.venue, instance.place.account)
            instance.restore_fills(stored_fills(state), fills)
            self._restore(instance)

    def _forget_all(self) -> None:
        self._schedule, self._ended = Schedule(), OrderedDict()
        self._changed, self.has_changed = {}, False
        self._instances, self._current, self._running = {}, {}, {}
        self._listen()
        self.results = Results()

    def _restore(self, instance: LevelInstance) -> None:
        self._instances[instance.id] = instance
        self._current[instance.player, instance.level.name] = instance
        run = instance.run
        if run is None:
            self._ended[instance.id] = instance
            return
        self._running[run.book] = instance
        self._listen()
        self._open_venue(instance.player, instance.level, instance.place)
        if instance.paused_at is None:
            instance.scheduled = self._schedule.add(run)
            self.wake()

    def _listen(self) -> None:
        """Hear of trades while an instance runs, and not else: other orders pay nothing for it."""
        if self._running:
            self._exchange.add_publisher(self.watch)
        else:
            self._exchange.remove_publisher(self.watch)

    def _change(self, instance: LevelInstance) -> None:
        """Call it before an instance changes; raises CannotWrite."""
        self._ledger.require_writable()
        if self._ledger.keeps_states:
            self._changed[instance.id] = instance
            self.has_changed = True

    def _record_run(self, instance: LevelInstance, ended_at: int | None = None) -> None:
        venue, symbol, account = instance.place
        self._ledger.record_run(
            StoredRun(
                venue,
                symbol,
                instance.id,
                instance.player,
                instance.level.name,
                account,
                instance.seed,
                instance.seed_chosen,
                instance.started,
                ended_at,
            )
        )

    # ---- inside

    def _next_action(self) -> Run | None:
        """The run that has done something. One that fails is served no more, so that the others go
        on; raises what it raised.
        """
        due, now = self.next_at, self._exchange.now()
        if due is None or due > now:
            return None
        self._ledger.require_writable()
        try:
            return self._schedule.act(now)
        except Unavailable:
            raise
        except Exception:
            failed = self._schedule.remove_first()
            if failed is not None:
                log.error("Instance %d is not served any more", self._running[failed.book].id)
            raise

    def _require_room(self, instance: LevelInstance | None) -> None:
        """Raise TooManyInstances unless one more may run, in the place of this one if it runs."""
        others = len(self._running) - (instance is not None and instance.run is not None)
        if others >= self.settings.max_instances:
            raise TooManyInstances(
                f"{others} instances run; allowed: {self.settings.max_instances} (--maxinstances)"
            )

    def _next_id(self) -> int:
        shard = self.settings.shard
        return self._last_id + 1 if shard is None else shard.id_after(self._last_id)

    def _begin(self, instance: LevelInstance, place: Place, chosen: int | None) -> None:
        level, now = instance.level, self._exchange.now()
        self._ledger.record_instance(instance.id, Instance(instance.id, place.account, now))
        tries = self.results.count_start(instance.player, level.name)
        seed = self._seed(level, tries) if chosen is None else chosen
        titles = Titles(self._names.choice(CITIES), self._names.choice(COMPANIES))
        book = self._exchange.reserve(place.venue, place.symbol, titles)
        self._open_venue(instance.player, level, place)
        run = Run(level, seed, self._exchange, place, now, self.settings.day_seconds)
        instance.begin(run, titles, chosen is not None, tries, now)
        self._record_run(instance)
        self._change(instance)
        self._running[book] = instance
        self._listen()
        instance.scheduled = self._schedule.add(run)
        self.wake()
        log.info(
            "Instance %d: %s begins at %s, with the seed %d%s",
            instance.id,
            level.name,
            place.venue,
            seed,
            " (chosen)" if instance.seed_chosen else "",
        )

    def _open_venue(self, player: str, level: Level, place: Place) -> None:
        private = PrivateVenue(player, place.account, is_leaky=level.takes_accusation)
        self._accounts.open_venue(place.venue, private)

    def _place(self, level: Level) -> Place:
        for _ in range(DRAWS):
            account, venue, symbol = identity(self._names, level.account, self.settings.shard)
            if self._exchange.is_free(venue):
                return Place(venue, symbol, account)
        raise TooManyInstances("nearly every name of a venue has been used; allowed: a new one")

    def _seed(self, level: Level, tries: int) -> int:
        """What the market of an instance follows from."""
        if self.settings.seed is None:
            return secrets.randbelow(DRAWN_SEEDS)
        text = f"{self.settings.seed} {level.name} {tries}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])

    def _halt(self, instance: LevelInstance) -> None:
        assert instance.scheduled is not None
        self._schedule.remove(instance.scheduled)
        instance.scheduled, instance.paused_at = None, self._exchange.now()

    def _schedule_again(self, instance: LevelInstance) -> None:
        """Serve a run whose clock stood still, or that is to do something earlier."""
        run, now = _running(instance), self._exchange.now()
        if instance.paused_at is not None:
            run.delay(now - instance.paused_at)
            instance.paused_at = None
        if instance.scheduled is not None:
            self._schedule.remove(instance.scheduled)
        wanted = -1 if instance.stop_after is None else instance.stop_after
        if run.day < wanted and not run.is_bursting:
            run.next_at = now
        instance.scheduled = self._schedule.add(run)
        self.wake()

    def _go_on_to(self, instance: LevelInstance, run: Run, day: int) -> None:
        """After an action of a run that is to play this day."""
        if run.is_bursting:
            return
        if run.day < day:
            self._schedule_again(instance)
            return
        instance.stop_after = None
        if instance.is_paused:
            self._halt(instance)

    def _note_result(self, instance: LevelInstance) -> None:
        run = instance.run
        if run is None or run.state == OPEN or instance.decided_on is not None:
            return
        instance.decided_on = run.day
        holding, player = run.holding(), instance.player
        shown = player if self._accounts.need_keys else instance.place.account
        result = LevelResult(
            instance.level.name,
            shown,
            run.state,
            run.day,
            holding.nav if holding else 0,
            run.seed,
            instance.seed_chosen,
            instance.tries,
            instance.assisted,
            self._exchange.now(),
        )
        self._ledger.record_result(StoredResult(player, *result))
        self.results.add(player, result)
        log.info("Instance %d: %s, with the seed %d", instance.id, run.state, run.seed)

    def _finish(self, instance: LevelInstance) -> None:
        """The last day of a run has ended."""
        self._end_run(instance)
        self._ended[instance.id] = instance
        if len(self._ended) > MOST_ENDED:
            self.stop(next(iter(self._ended.values())))

    def _end_run(self, instance: LevelInstance) -> None:
        """Stop the bots, and close the venue for good."""
        if instance.run is None:
            return
        book, venue = instance.run.book, instance.place.venue
        if instance.scheduled is not None:
            self._schedule.remove(instance.scheduled)
        instance.scheduled = instance.paused_at = None
        now = self._exchange.now()
        self._record_run(instance, now)
        instance.let_go(now)
        del self._running[book]
        self._listen()
        self._accounts.close_venue(venue)
        self._exchange.close_venue(venue)
        for forget in self._forget:
            forget(book)


def no_such_id(instance_id: object) -> str:
    """The detail of NoSuchInstance."""
    return detail_of("the instance's id", instance_id, "that of an instance in play")


def _do_nothing() -> None:
    """Of a game master that nobody has to wake."""


def _running(instance: LevelInstance) -> Run:
    if instance.run is None:
        raise LevelIsOver
    return instance.run


def _resolve(instance: LevelInstance, refusal: ExchangeError | None) -> None:
    """Tell those who wait for the first day."""
    waiting, instance.waiting = instance.waiting, []
    for future in waiting:
        if refusal is None:
            future.set_result(None)
        else:
            future.set_exception(refusal)
