"""Random markets, driven through the book and through the oracle."""

from typing import NamedTuple

from examples import examples
from hypothesis import given, note
from hypothesis import strategies as st
from invariants import all_orders, check_invariants
from oracle import SlowBook
from story import TYPES

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import NewOrder, Side


class Act(NamedTuple):
    """An order, or the cancel of one: of the order whose id is the quantity, if there is one."""

    account: str
    verb: str
    kind: str
    price: int
    quantity: int

    def __str__(self) -> str:
        if self.verb == "cancel":
            return f"{self.account} cancels {self.quantity}"
        price = "" if self.kind == "market" else f"@ {self.price} "
        return f"{self.account} {self.verb} {self.quantity} {price}{self.kind.replace('limit', '')}"


orders = st.builds(
    Act,
    st.sampled_from(["ann", "bob", "cat"]),
    st.sampled_from(["buy", "sell"]),
    st.sampled_from(["limit", "limit", "limit", "market", "fok", "ioc"]),
    st.integers(0, 8) | st.sampled_from([2**31 - 1]),
    st.integers(1, 9) | st.sampled_from([2**31 - 1]),
)
cancels = st.builds(
    Act, st.just("ann"), st.just("cancel"), st.just(""), st.just(0), st.integers(0, 40)
)
markets = st.lists(orders | orders | orders | cancels, max_size=60)


@examples(8)
@given(markets)
def test_the_book_agrees_with_the_slowest_obvious_book(acts: list[Act]) -> None:
    note("As a story:\n" + "\n".join(map(str, acts)))
    book, oracle = OrderBook("TESTEX", "FOOBAR", 0), SlowBook()
    for ts, act in enumerate(acts, start=1):
        play(act, ts, book, oracle)
        check_invariants(book)
        assert_equal(book, oracle)


def play(act: Act, ts: int, book: OrderBook, oracle: SlowBook) -> None:
    if act.verb != "cancel":
        price = 0 if act.kind == "market" else act.price
        kind = TYPES[act.kind.replace("limit", "")]
        book.submit(NewOrder(act.account, Side[act.verb.upper()], kind, price, act.quantity), ts)
        oracle.submit(act.account, act.verb, act.kind, price, act.quantity)
    elif act.quantity < len(oracle.orders):
        book.cancel(book.find(act.quantity), ts)
        oracle.cancel(act.quantity)


def assert_equal(book: OrderBook, oracle: SlowBook) -> None:
    for ours, theirs in zip(all_orders(book), oracle.orders, strict=True):
        assert ours.remaining == theirs.left()
        assert [(fill.price, fill.quantity) for fill in ours.fills] == theirs.fills
    for ladder, side in ((book.bids, "buy"), (book.asks, "sell")):
        rows = [order.id for level in ladder for order in level.orders.values()]
        assert rows == [order.id for order in oracle.resting(side)]
    for position in book.positions.values():
        assert (position.cash, position.shares) == oracle.position(position.account)
    quote = book.quote()
    if oracle.trades:
        assert (quote.last, quote.last_size) == oracle.trades[-1][:2]
    else:
        assert quote.last is None
