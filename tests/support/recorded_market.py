"""A durable market to be replayed, and the replay of one without sockets."""

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from disorderbook.accounts import Accounts
from disorderbook.api.services import Services
from disorderbook.assembly import MarketSettings, assemble
from disorderbook.control.replay import ReplaySettings
from disorderbook.engine.orders import (
    BUY,
    FILL_OR_KILL,
    IMMEDIATE_OR_CANCEL,
    LIMIT,
    MARKET,
    SELL,
    NewOrder,
)
from disorderbook.exchange import Exchange
from disorderbook.ledger.copies import export
from disorderbook.ledger.file import open_ledger
from disorderbook.ledger.journal import Place
from disorderbook.ledger.recording import read_recording
from disorderbook.timeline.clock import STEPPED, ClockSettings

START = 1_700_000_000_000_000_000  # nanoseconds since 1970, on the original's clock
PLACES = [("V", "S"), ("V", "T"), ("=W", '\t"X\n')]
ACCOUNTS = ["ann", "bob", "=c,\"\r\n'd", "'e"]
TYPES = [LIMIT] * 6 + [MARKET, FILL_OR_KILL, IMMEDIATE_OR_CANCEL]


class Original:
    """A market in a file, whose chance follows from a seed; time goes on at each look."""

    def __init__(self, file: Path, places: list[Place] = PLACES, seed: int = 1) -> None:
        self.file, self._places = file, places
        self._rng = random.Random(seed)
        self._now = START
        ledger, _ = open_ledger(str(file), bound=100)
        self.exchange = Exchange(clock=self._clock, ledger=ledger)

    def _clock(self) -> int:
        self._now += self._rng.randrange(5_000_000)  # perhaps 0
        return self._now

    def trade(self, events: int) -> "Original":
        """Orders of all types, cancels of open and closed orders, and trades with oneself."""
        for _ in range(events):
            with self.exchange.transaction():
                self._act()
        return self

    def _act(self) -> None:
        rng = self._rng
        book = self.exchange.book(*rng.choice(self._places))
        if book.next_id and rng.random() < 0.2:
            recent = rng.randrange(max(0, book.next_id - 20), book.next_id)
            self.exchange.cancel(self.exchange.order(book.venue, book.symbol, recent))
            return
        kind = rng.choice(TYPES)
        price = 0 if kind is MARKET else rng.randrange(95, 106)
        side = rng.choice([BUY, SELL])
        quantity = rng.randrange(1, 50)
        self.exchange.submit(book, NewOrder(rng.choice(ACCOUNTS), side, kind, price, quantity))

    def close(self) -> Path:
        self.exchange.close()
        return self.file


@contextmanager
def replaying(
    path: Path,
    new: Path | None = None,
    clock: ClockSettings = ClockSettings(STEPPED),
    place: Place | None = None,
) -> Iterator[Services]:
    """A new market, in a file or in memory, that is given what another one had."""
    with closing(read_recording(str(path), place)) as recording:
        file = None if new is None else str(new)
        settings = MarketSettings(database=file, clock=clock, replay=ReplaySettings(recording))
        with assemble(settings, Accounts()) as services:
            yield services


def exported(file: Path, folder: Path) -> list[bytes]:
    """What the files of a market's export hold of which a market can be made again."""
    return [written.read_bytes() for written in export(str(file), str(folder))[:2]]
