"""Opponents: bots in the exchange itself, on its clock, so that a market follows from a seed.

They are the strategies of `traders.registry` over a DirectView of one book. Each has a stream of
chance of its own, which follows from the seed, its name and its number, and a pause between two
steps that is drawn from it. What is due at the same moment happens in the order in which the
opponents were named. Nobody acts before the first pause is over, so a clock that stands still shows
an empty market.

The account of an opponent is that of the registry, such as NOISEBOTS; if several trade for it they
are NOISEBOTS1, NOISEBOTS2 and so on, in the order in which they were named. Under authentication
nobody but the exchange trades for an account that the accounts file does not name.

The exchange's lock must be held for everything here but `opponents_of`.
"""

import heapq
import logging
import random
import re
import secrets
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from disorderbook.engine.book import OrderBook
from disorderbook.errors import ExchangeError, Unavailable
from disorderbook.exchange import Exchange
from disorderbook.game.view import DirectView
from disorderbook.protocol.names import NANOSECONDS
from disorderbook.timeline.clock import Clock
from disorderbook.traders.market_view import Strategy
from disorderbook.traders.registry import REGISTRY

MOST_OPPONENTS = 100  # strategies
DRAWN_SEEDS = 2**32
LONGEST_LAG = NANOSECONDS  # of real time; what is later is not made up for: the machine has slept
OPPONENT_RULE = "NAME or NAME:COUNT, separated by commas, such as market-maker,taker,noise:3"
_ITEM = re.compile("(?P<name>[a-z-]+)(:(?P<count>[0-9]{1,4}))?")

log = logging.getLogger(__name__)


class Opponent(NamedTuple):
    """One strategy: the bot's name, which of that name it is, which thread of it, its account."""

    name: str
    number: int
    thread: int
    account: str


def opponents_of(text: str) -> tuple[Opponent, ...]:
    """Those that a list names, separated by commas or blanks; none for an empty one. Raises
    ValueError with a sentence.
    """
    if not isinstance(text, str):
        raise ValueError(f"{text!r:.40} names no opponents: {OPPONENT_RULE}")
    names = [name for item in re.split(r"[,\s]+", text.strip()) if item for name in _names(item)]
    if sum(REGISTRY[name].threads for name in names) > MOST_OPPONENTS:
        raise ValueError(f"There are at most {MOST_OPPONENTS} opponents")
    users = Counter(REGISTRY[name].account for name in names)
    numbers, used = Counter[str](), Counter[str]()
    opponents = []
    for name in names:
        account = REGISTRY[name].account
        numbers[name] += 1
        used[account] += 1
        own = f"{account}{used[account]}" if users[account] > 1 else account
        threads = range(REGISTRY[name].threads)
        opponents += [Opponent(name, numbers[name], thread, own) for thread in threads]
    return tuple(opponents)


class Opponents:
    """The opponents of one book, while they trade: a source of a timeline.

    `seed` is what they draw from; None for one that is drawn. `latest` is the last moment of a
    market that is gone on with, nanoseconds since 1970: they go on with the orders that they have
    there, and what they draw follows from the seed and that moment.
    """

    def __init__(
        self,
        exchange: Exchange,
        clock: Clock,
        book: OrderBook,
        opponents: Sequence[Opponent],
        seed: int | None = None,
        latest: int = 0,
    ) -> None:
        self._exchange, self._clock = exchange, clock
        self._venue, self._symbol = book.venue, book.symbol
        self._opponents = tuple(opponents)
        self._seed = secrets.randbelow(DRAWN_SEEDS) if seed is None else seed
        log.info("The opponents follow from the seed %d", self._seed)
        self._begin(book, latest)

    name = "opponents"

    def reset(self, book: OrderBook | None) -> None:
        """Begin anew, if that was the book that they trade, or all is new."""
        if book is None or (book.venue, book.symbol) == (self._venue, self._symbol):
            self._begin(self._exchange.book(self._venue, self._symbol))

    def save(self) -> object:
        """What `load` goes on from."""
        return list(self._heap), [bot.save() for bot in self._bots]

    def load(self, state: Any) -> None:
        """Go on from there; the exchange has its book already."""
        self._begin(self._exchange.book(self._venue, self._symbol))
        self._heap, bots = state
        for bot, remembered in zip(self._bots, bots, strict=True):
            bot.load(remembered)

    def _begin(self, book: OrderBook, latest: int = 0) -> None:
        self._bots = [
            _Bot(opponent, self._exchange, f"{self._seed} {opponent.name} {number}{_since(latest)}")
            for opponent in self._opponents
            for number in [f"{opponent.number} {opponent.thread}"]
        ]
        now = self._clock()
        self._heap = [(now + bot.pause(), number) for number, bot in enumerate(self._bots)]
        heapq.heapify(self._heap)
        self._look_at(book)

    @property
    def next_at(self) -> int | None:
        """When the next one is due, nanoseconds since 1970; None if there is none."""
        return self._heap[0][0] if self._heap else None

    def act(self) -> None:
        """Have the one that is due first take one step. One that fails acts no more, so that the
        others go on; raises what it raised.
        """
        due, number = self._heap[0]
        bot = self._bots[number]
        try:
            book = self._exchange.book(self._venue, self._symbol)
            if book is not self._book:  # a commit has failed since
                self._look_at(book)
            bot.step()
        except Unavailable:
            raise
        except ExchangeError as refusal:  # halted, settled, or against the rules
            log.debug("The opponent %s was refused: %s", bot.opponent.account, refusal)
        except Exception:
            log.error("The opponent %s acts no more", bot.opponent.account)
            heapq.heappop(self._heap)
            raise
        late = self._clock()
        start = late if late - due > LONGEST_LAG * self._clock.speed else due
        heapq.heapreplace(self._heap, (start + bot.pause(), number))

    def _look_at(self, book: OrderBook) -> None:
        """Give each bot the book, and the orders that it has there."""
        self._book = book
        owners: dict[str, list[_Bot]] = {}
        for bot in self._bots:
            bot.look_at(book)
            owners.setdefault(bot.opponent.account, []).append(bot)
        levels = [*book.bids, *book.asks]
        resting = [order for level in levels for order in level.orders.values()]
        for order in sorted(resting, key=lambda order: order.id):
            if order.account in owners:
                bots = owners[order.account]
                bots[order.id % len(bots)].view.adopt(order)


class _Bot:
    """An opponent's strategy, and how it sees the market, once `look_at` was called."""

    view: DirectView

    def __init__(self, opponent: Opponent, exchange: Exchange, stream: str) -> None:
        bot = REGISTRY[opponent.name]
        self.opponent = opponent
        self._exchange = exchange
        self._rng = random.Random(stream)
        self._strategy: Strategy = bot.make_strategy()
        self._shortest, longest = (round(pause * NANOSECONDS) for pause in bot.pause)
        self._spread = longest - self._shortest

    def look_at(self, book: OrderBook) -> None:
        self.view = DirectView(self._exchange, book, self.opponent.account, self._rng)

    def save(self) -> object:
        return self._rng.getstate(), self._strategy, self.view.save()

    def load(self, state: Any) -> None:
        chance, self._strategy, seen = state
        self._rng.setstate(chance)
        self.view.load(seen)

    def step(self) -> None:
        while self._strategy.step(self.view):
            pass

    def pause(self) -> int:
        """Nanoseconds until the next step."""
        return self._shortest + int(self._spread * self._rng.random())


def _names(item: str) -> list[str]:
    """The name of an item of a list, as often as it says."""
    found = _ITEM.fullmatch(item)
    if found is None:
        raise ValueError(f"{item[:40]!r} names no opponents: {OPPONENT_RULE}")
    name, count = found["name"], int(found["count"] or 1)
    if name not in REGISTRY:
        raise ValueError(f"No opponent is called {name[:40]!r}; there are {', '.join(REGISTRY)}")
    if not 1 <= count <= MOST_OPPONENTS:
        raise ValueError(f"{item[:40]!r} names no opponents: a count is 1 to {MOST_OPPONENTS}")
    return [name] * count


def _since(latest: int) -> str:
    """The end of a stream's name."""
    return f" {latest}" if latest else ""
