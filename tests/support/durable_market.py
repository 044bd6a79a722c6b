"""A durable market in this process: can be stopped and started again, and compared with others."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import mkdtemp

from invariants import check_ladder

from disorderbook.engine.orders import NewOrder, Order, OrderType, Side
from disorderbook.engine.positions import Position
from disorderbook.exchange import Exchange
from disorderbook.ledger.file import open_ledger
from disorderbook.ledger.tables import LEDGER, SCHEMA_VERSION, Summary, checksum, write_summary
from disorderbook.rules.market import NO_RULES, RuleBook

# Where a market is started thousands of times: a step into WAL mode or out of it awaits a disk,
# which takes most of the time of such a test and is not what it looks at. None: where others go.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

Act = tuple[tuple[str, str], NewOrder | int]  # in which book: an order, or the id of one to cancel


class Stoppable:
    """An exchange on a file; `stop` starts it again with nothing but the file."""

    def __init__(
        self,
        file: Path,
        bound: int = 3,
        clock: Callable[[], int] = lambda: 0,
        rules: RuleBook = NO_RULES,
    ) -> None:
        self.file, self.bound, self.clock, self.rules = str(file), bound, clock, rules
        self.start()

    def start(self) -> None:
        ledger, market = open_ledger(self.file, bound=self.bound)
        self.exchange = Exchange(clock=self.clock, ledger=ledger, rules=self.rules)
        self.exchange.restore(market.books, market.latest)
        self.record_instance = ledger.record_instance
        self.instances, self.last_instance = market.instances, market.last_instance

    def flush(self) -> None:
        """Have everything in the tables."""
        self.exchange.flush()

    def crash(self) -> None:
        """Go on with copies of the files as they are now, before anything is closed."""
        folder = Path(mkdtemp(dir=Path(self.file).parent))
        for file in (self.file, f"{self.file}-wal"):
            shutil.copy(file, folder)
        self.exchange.close()
        self.file = str(folder / Path(self.file).name)
        self.start()

    def stop(self) -> None:
        self.exchange.close()
        self.start()


# What leads from the tables of a version to those of the version before it.
_OLDER = {
    6: """DROP TABLE score_accounts; DROP TABLE score_samples; DROP TABLE frozen_scores;
        ALTER TABLE positions DROP COLUMN trades;
        UPDATE positions SET checksum = checksum(
            venue, symbol, account, cash, shares, lowest, highest, fees
        )""",
    5: "DROP TABLE admin_actions; DROP TABLE notices",
    4: """ALTER TABLE positions DROP COLUMN fees;
        UPDATE positions SET checksum = checksum(
            venue, symbol, account, cash, shares, lowest, highest
        )""",
    3: """ALTER TABLE books DROP COLUMN halted;
        ALTER TABLE books DROP COLUMN settled;
        UPDATE books SET checksum = checksum(
            venue, symbol, opened, orders, events, bid_depth, ask_depth, accounts, quote_time,
            last_price, last_quantity, last_trade
        )""",
    2: "DROP TABLE histories",
}


def make_older(file: Path, version: int) -> None:
    """Have a file as a version before this one has left it."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.create_function("checksum", -1, checksum)
        for number in range(SCHEMA_VERSION, version, -1):
            connection.executescript(_OLDER[number])
        row = connection.execute(f"SELECT {LEDGER.all} FROM ledger").fetchone()
        summary = Summary(**LEDGER.read(row))._replace(schema_version=version)
        write_summary(connection, summary)


def play(exchange: Exchange, act: Act) -> None:
    """A turn; the cancel of an order that never was is none."""
    (venue, symbol), what = act
    with exchange.transaction():
        book = exchange.book(venue, symbol)
        if isinstance(what, NewOrder):
            exchange.submit(book, what)
        elif what < book.next_id:
            exchange.cancel(exchange.order(venue, symbol, what))


def begin_a_write_and_die(file: Path, copy: Path) -> Path:
    """A copy of a market's files as a kill leaves them that comes in the midst of a write outside
    of WAL mode: changed pages in the file, and the old ones in a hot journal.
    """
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")  # so that pages are written before the commit
    connection.execute("BEGIN")
    for number in range(100, 150):
        connection.execute("INSERT INTO instances VALUES (?, ?, '', 0)", (number, "x" * 500))
    for end in ("", "-journal"):
        shutil.copy(f"{file}{end}", f"{copy}{end}")
    connection.close()
    return copy


def order_state(order: Order) -> list[object]:
    state = [getattr(order, field) for field in Order.__struct_fields__ if field != "fills"]
    return [*state, list(order.fills)]


def state(exchange: Exchange) -> object:
    """Everything that an exchange can be asked."""
    seen: list[object] = []
    for venue in exchange.venues():
        for book in exchange.books(venue):
            every = [exchange.order(venue, book.symbol, n) for n in range(book.next_id)]
            for side, ladder in ((Side.BUY, book.bids), (Side.SELL, book.asks)):
                check_ladder(ladder, [o for o in every if o.side is side and o.is_open], side)
            positions = [
                [getattr(p, field) for field in Position.__slots__] for p in book.positions.values()
            ]
            listed = [exchange.orders_of(book, account) for account in ("ann", "bob", "c\0ü")]
            seen.append(
                [
                    book.quote(),
                    book.opened_at,
                    book.next_id,
                    positions,
                    *map(order_state, every),
                    *[[order.id for order in listing if order] for listing in listed],
                ]
            )
    return seen


def sell(quantity: int, account: str = "ann", price: int = 50) -> NewOrder:
    return NewOrder(account, Side.SELL, OrderType.LIMIT, price, quantity)


def buy(quantity: int, account: str = "bob", price: int = 50) -> NewOrder:
    return NewOrder(account, Side.BUY, OrderType.LIMIT, price, quantity)
