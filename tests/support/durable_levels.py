"""A game master on a file, in simulated time: can be killed and started again with the file."""

import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp

from disorderbook.accounts import Accounts
from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import NewOrder, Order, OrderType, Side
from disorderbook.exchange import Exchange
from disorderbook.game.instance import LevelInstance
from disorderbook.game.master import GameMaster, GameSettings
from disorderbook.game.simulation import SimulatedClock
from disorderbook.ledger.file import open_ledger


class DurableLevels:
    """`executions` are all that were published, `flashes` what `play_day` has seen."""

    def __init__(self, file: Path) -> None:
        self.file, self.clock = file, SimulatedClock()
        self.executions: list[object] = []
        self.flashes: list[object] = []
        self.names = random.Random(7)
        self.start()

    def start(self) -> None:
        self.ledger, market = open_ledger(str(self.file))
        self.exchange = Exchange(publishers=[self._record], clock=self.clock, ledger=self.ledger)
        self.exchange.restore(market.books, market.latest)
        self.master = GameMaster(
            self.exchange,
            Accounts(),
            GameSettings(seed=5),
            has_tape=True,
            ledger=self.ledger,
            last_id=market.last_instance,
        )
        self.master._names = self.names
        self.master.go_on_from(market.game, market.latest)

    def close(self) -> None:
        """Leave neither threads nor an open file, if that was not seen to already."""
        if not self.exchange.lock.locked():
            self.exchange.close()

    def kill(self) -> None:
        """Go on with copies of the files as they are now, before anything is closed."""
        folder = Path(mkdtemp(dir=self.file.parent))
        for end in ("", "-wal"):
            shutil.copy(f"{self.file}{end}", folder)
        self.exchange.close()
        self.file = folder / self.file.name
        self.start()

    def act(self) -> None:
        """Have what is due next done."""
        due = self.master.next_at
        assert due is not None
        self.clock.now = max(self.clock.now, due)
        with self.exchange.transaction():
            self.master.act()

    def trade(self, instance: LevelInstance, side: Side, quantity: int = 10) -> Order:
        """Have the player trade at whatever price there is."""
        assert instance.run is not None
        price = 10**9 if side is Side.BUY else 1
        new = NewOrder(instance.place.account, side, OrderType.IMMEDIATE_OR_CANCEL, price, quantity)
        with self.exchange.transaction():
            return self.exchange.submit(instance.run.book, new)

    def play_day(self, instance: LevelInstance) -> None:
        """Until the next burst is over; then the player buys or sells, in turns."""
        run = instance.run
        assert run is not None
        day = run.day
        while run.day == day or run.is_bursting:
            self.act()
        self.clock.now += 10**8
        self.trade(instance, Side.BUY if run.day % 2 else Side.SELL)
        self.flashes.append((run.day, run.state, run.flash))

    def _record(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        self.executions += [
            (e.standing.id, e.incoming.id, e.price, e.quantity, e.ts) for e in executions
        ]


def orders(levels: DurableLevels, instance: LevelInstance) -> list[tuple[object, ...]]:
    """Every order that was ever placed on the venue of an instance."""
    assert instance.run is not None
    place = instance.place
    found = []
    for number in range(instance.run.book.next_id):
        order = levels.exchange.order(place.venue, place.symbol, number)
        found.append(
            (*(getattr(order, name) for name in order.__struct_fields__ if name != "fills"),)
        )
    return found
