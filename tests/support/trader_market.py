"""A book in which one strategy of a level's cast trades, turn by turn."""

from collections.abc import Callable

from book_gateway import BookGateway, trade

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import IMMEDIATE_OR_CANCEL, Order, Side
from disorderbook.traders.market_view import MarketView, Remembering
from disorderbook.traders.today import Today

VALUE = 8000  # cents, the fair value of day 0


class TraderMarket:
    """`make` makes the strategy; its account is ME."""

    def __init__(self, make: Callable[[Today], Remembering], seed: int = 1) -> None:
        self.book = OrderBook("V", "S", 0)
        self.view = MarketView(BookGateway(self.book, "ME"), "ME", seed)
        self.today = Today(VALUE)
        self.strategy = make(self.today)

    def turn(self, round: int = 0) -> list[Order]:
        """A turn of the strategy, in steps of one thing each; returns the orders it placed."""
        self.today.round = round
        first = self.book.next_id
        is_busy: bool | None = True
        while is_busy:
            events = self.book.event_count
            is_busy = self.strategy.step(self.view)
            assert self.book.event_count <= events + 1
        return [order for order in self.orders if order.id >= first]

    @property
    def orders(self) -> list[Order]:
        """All its orders, oldest first."""
        return self.book.orders_of("ME")

    def rest(self, side: Side, quantity: int, percent: float) -> None:
        """Somebody else's order at so many percent of the first value."""
        trade(self.book, side, quantity, round(VALUE * percent / 100))

    def take(self, side: Side, quantity: int, price: int) -> None:
        """Somebody else's order, of which nothing rests."""
        trade(self.book, side, quantity, price, IMMEDIATE_OR_CANCEL)
