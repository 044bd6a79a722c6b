"""A gateway straight to an order book, so that strategies are tested without any transport."""

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import LIMIT, NewOrder, Order, OrderType, Side
from disorderbook.traders.market_view import Depth, OwnOrder, TopOfBook


class BookGateway:
    """One account at one book. `is_deaf` loses everything, as an exchange that refuses does."""

    def __init__(self, book: OrderBook, account: str) -> None:
        self.book_itself = book
        self.account = account
        self.is_deaf = False

    def quote(self) -> TopOfBook | None:
        quote = self.book_itself.quote()
        return None if self.is_deaf else TopOfBook(quote.bid, quote.ask, quote.last)

    def book(self) -> Depth | None:
        sides = (
            tuple(
                (order.price, order.remaining) for level in side for order in level.orders.values()
            )
            for side in (self.book_itself.bids, self.book_itself.asks)
        )
        return None if self.is_deaf else Depth(*sides)

    def status(self, order_id: int) -> OwnOrder | None:
        order = self.book_itself.find(order_id)
        if self.is_deaf or order is None or order.account != self.account:
            return None
        return _own(order)

    def place(
        self, side: Side, quantity: int, price: int, order_type: OrderType
    ) -> OwnOrder | None:
        if self.is_deaf:
            return None
        new = NewOrder(self.account, side, order_type, price, quantity)
        return _own(self.book_itself.submit(new, 1).order)

    def cancel(self, order_id: int) -> OwnOrder | None:
        order = self.book_itself.find(order_id)
        if self.is_deaf or order is None or order.account != self.account:
            return None
        self.book_itself.cancel(order, 1)
        return _own(order)


def trade(
    book: OrderBook, side: Side, quantity: int, price: int, order_type: OrderType = LIMIT
) -> None:
    """Somebody else's order."""
    book.submit(NewOrder("SOMEBODY", side, order_type, price, quantity), 1)


def _own(order: Order) -> OwnOrder:
    turnover = sum(fill.price * fill.quantity for fill in order.fills)
    return OwnOrder(
        order.id,
        order.side,
        order.price,
        order.quantity,
        order.filled,
        turnover,
        order.is_open,
    )
