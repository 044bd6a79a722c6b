"""Records of runs as tests make them up: orders in a real book, and what was meanwhile sent."""

import random
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import (
    BUY,
    FILL_OR_KILL,
    IMMEDIATE_OR_CANCEL,
    LIMIT,
    MARKET,
    SELL,
    NewOrder,
    Order,
)
from disorderbook.lab.record import DAYS, RunEnding, RunRecord
from disorderbook.lab.trial import Runs, Trial

START = 1_000_000
DAY = 50_000
STEP = 1_000  # between two orders
TYPES = (LIMIT, LIMIT, LIMIT, MARKET, FILL_OR_KILL, IMMEDIATE_OR_CANCEL)


def traded_book(seed: int, count: int, accounts: str = "ABC") -> tuple[OrderBook, list[Order]]:
    """A book in which accounts have traded at random, and its orders; they cancel some, too."""
    chance = random.Random(seed)
    book = OrderBook("V", "S", START)
    orders: list[Order] = []
    for number in range(count):
        ts = START + STEP * (number + 1)
        if orders and chance.random() < 0.2:
            book.cancel(chance.choice(orders), ts)
            continue
        new = NewOrder(
            chance.choice(accounts),
            chance.choice((BUY, SELL)),
            chance.choice(TYPES),
            5000 + chance.randrange(-20, 20),
            chance.randrange(1, 100),
        )
        orders.append(book.submit(new, ts).order)
    return book, orders


def books_of(orders: list[Order]) -> Iterator[OrderBook]:
    """A real book after each event: it is given every order and cancel again."""
    happened = [(order.event, order, False) for order in orders]
    happened += [(o.closed_event or 0, o, True) for o in orders if o.close_reason == "cancelled"]
    book = OrderBook("V", "S", 0)
    for _, order, is_cancel in sorted(happened, key=lambda each: each[0]):
        if is_cancel:
            known = book.find(order.id)
            assert known is not None and known.is_open
            book.cancel(known, order.closed_at or 0)
        else:
            new = NewOrder(order.account, order.side, order.type, order.price, order.quantity)
            book.submit(new, order.ts)
        yield book


def record_of(orders: list[Order], **changed: Any) -> RunRecord:
    """A record of a run whose program traded for the account A."""
    last = max((order.ts for order in orders), default=START)
    values: dict[str, Any] = {
        "seed": 7,
        "venue": "V",
        "symbol": "S",
        "account": "A",
        "start": START,
        "end": last + 2 * STEP,
        "day": DAY,
        "days": 20,
        "orders": orders,
        "requests": 0,
        "refusal_count": 0,
        "refusals": [],
        "printed": [],
        "ending": RunEnding(DAYS, None, (), None),
    }
    return RunRecord(**(values | changed))


class Program:
    """Runs that make a profit of their own, and end as they are told to."""

    def __init__(self, profit: int = 0, ends: dict[int, str] | None = None) -> None:
        self.profit, self.ends = profit, ends or {}
        self.asked: list[Sequence[int]] = []
        self.closed = 0

    def __call__(self, seeds: Sequence[int]) -> Generator[RunRecord, None, None]:
        self.asked.append(list(seeds))
        try:
            for seed in seeds:
                _, orders = traded_book(seed, 40, accounts="BC" if self.profit == 0 else "ABC")
                ending = RunEnding(self.ends.get(seed, "days"), 3)
                yield record_of(orders, seed=seed, ending=ending)
        finally:
            self.closed += 1


def tried(program: Runs, against: Runs | None = None, seeds: int = 4, sure: bool = False) -> Trial:
    trial = Trial(range(5, 5 + seeds), program, against, sure)
    trial.run(lambda record, is_own: None)
    return trial
