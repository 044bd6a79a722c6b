"""What accounts have open is counted as orders come and go."""

import random
from collections import Counter

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, SELL, NewOrder, OrderType, Side, Terms
from disorderbook.rules.market import Rules

ACCOUNTS = ("ann", "bob", "cy")


def counted_anew(book: OrderBook) -> dict[str, tuple[int, int, int]]:
    """Open orders, shares to buy and shares to sell of each account that has any."""
    orders: Counter[str] = Counter()
    shares: Counter[tuple[str, Side]] = Counter()
    for level in [*book.bids, *book.asks]:
        for order in level.orders.values():
            orders[order.account] += 1
            shares[order.account, order.side] += order.remaining
    return {who: (count, shares[who, BUY], shares[who, SELL]) for who, count in orders.items()}


def counts(book: OrderBook) -> dict[str, tuple[int, int, int]]:
    assert book.usages is not None
    return {
        account: (usage.orders, usage.bids, usage.asks)
        for account, usage in book.usages._accounts.items()
    }


def test_the_counts_are_those_of_a_count_from_scratch() -> None:
    chance = random.Random(6)
    for _ in range(40):
        book = OrderBook("V", "S", 0)
        for ts in range(60):
            if ts == 15:
                book.obey(Rules(open_orders=1))
            if ts % 3 == 2:
                order = book.find(chance.randrange(book.next_id))
                assert order is not None
                book.cancel(order, ts)
            else:
                new = NewOrder(
                    chance.choice(ACCOUNTS),
                    chance.choice((BUY, SELL)),
                    chance.choice(list(OrderType)),
                    chance.randrange(1, 6),
                    chance.choice((1, 5, 10)),
                )
                most = chance.choice((None, None, 0, new.quantity // 2))
                book.submit(new, ts, None if ts < 15 else Terms(most))
            if ts >= 15:
                assert counts(book) == counted_anew(book)
        book.obey(None)
        assert book.usages is None


def test_an_order_that_trades_half_is_still_counted() -> None:
    book = OrderBook("V", "S", 0)
    book.obey(Rules(open_orders=1))
    book.submit(NewOrder("ann", SELL, OrderType.LIMIT, 10, 20), 1, Terms())
    book.submit(NewOrder("bob", BUY, OrderType.LIMIT, 10, 10), 2, Terms())
    assert counts(book) == {"ann": (1, 0, 10)}
