"""Which rows the tables lack."""

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder
from disorderbook.ledger.tables import Changes


def test_orders_executions_and_accounts_are_collected_for_each_book() -> None:
    books, changes = [OrderBook("V", symbol, 1) for symbol in "AB"], Changes()
    changes.open(books[0])
    for book in books:
        changes.submit(book, book.submit(NewOrder("ann", SELL, LIMIT, 5, 3), 2))
        changes.submit(book, book.submit(NewOrder("bob", BUY, LIMIT, 5, 1), 3))
    standing = books[0].find(0)
    assert standing is not None
    books[0].cancel(standing, 4)
    changes.cancel(books[0], standing)
    assert list(changes.books) == books and changes.size == 1 + 2 * 3 + 1
    for book in books:
        changed = changes.books[book]
        assert list(changed.orders) == [0, 1] and list(changed.accounts) == ["ann", "bob"]
        assert [trade.quantity for trade in changed.executions] == [1]
