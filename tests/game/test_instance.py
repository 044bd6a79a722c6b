"""What an instance keeps of its player's trades."""

from disorderbook.accounts import Accounts
from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder
from disorderbook.exchange import Exchange
from disorderbook.game.instance import MOST_OWN_FILLS
from disorderbook.game.master import GameMaster


def test_the_newest_fills_are_kept_and_all_are_counted() -> None:
    exchange = Exchange()
    master = GameMaster(exchange, Accounts())
    instance = master.start("ANN", "first_steps")
    assert instance.run is not None
    book, account = instance.run.book, instance.place.account
    for _ in range(MOST_OWN_FILLS // 2 + 5):  # both sides are the player's
        exchange.submit(book, NewOrder(account, SELL, LIMIT, 1, 1))
        exchange.submit(book, NewOrder(account, BUY, LIMIT, 1, 1))
    assert instance.fill_count == MOST_OWN_FILLS + 10
    kept = instance.fills(0)
    assert len(kept) == MOST_OWN_FILLS and kept[0].number == 11
    assert [fill.side for fill in kept[:2]] == [SELL, BUY]
    assert [fill.number for fill in instance.fills(instance.fill_count - 2)] == [10009, 10010]
    assert instance.fills(instance.fill_count) == []
