"""Orders that the rules of a market refuse, stop, or make others give way to."""

import random
import sys
from collections import Counter
from collections.abc import Sequence
from typing import get_args

import pytest
from invariants import check_invariants

from disorderbook.engine.book import Execution, OrderBook
from disorderbook.engine.orders import (
    BUY,
    FILL_OR_KILL,
    IMMEDIATE_OR_CANCEL,
    LIMIT,
    MARKET,
    SELL,
    NewOrder,
    Order,
    OrderType,
    Side,
)
from disorderbook.errors import (
    ExchangeError,
    OffTick,
    OrderTooLarge,
    OutsideBand,
    OwnOrderMet,
    PositionLimit,
    TooManyOpenOrders,
    TooManyOrders,
    TradingHalted,
)
from disorderbook.exchange import Exchange, Titles
from disorderbook.game.view import DirectView
from disorderbook.in_process import serve
from disorderbook.protocol.names import MAX_PRICE, NANOSECONDS
from disorderbook.rules.enforcement import OrderRates, reference_of
from disorderbook.rules.file import rule_book
from disorderbook.rules.market import BandAround, SelfTrade
from disorderbook.traders.market_maker import MarketMaker


class RuledMarket:
    """A book with rules, what was published of it, and a clock that stands still until moved."""

    def __init__(self, **rules: object) -> None:
        self.ts = NANOSECONDS
        self.published: list[tuple[int, int]] = []
        self.exchange = Exchange(
            publishers=[self._hear], clock=lambda: self.ts, rules=rule_book({"market": rules})
        )
        self.book = self.exchange.book("V", "S")

    def _hear(self, book: OrderBook, executions: Sequence[Execution]) -> None:
        self.published.append((len(executions), book.bids.resting + book.asks.resting))

    def place(
        self,
        account: str,
        side: Side,
        price: int,
        quantity: int = 10,
        order_type: OrderType = LIMIT,
    ) -> Order:
        return self.exchange.submit(self.book, NewOrder(account, side, order_type, price, quantity))

    def buy(
        self, account: str, price: int, quantity: int = 10, order_type: OrderType = LIMIT
    ) -> Order:
        return self.place(account, BUY, price, quantity, order_type)

    def sell(
        self, account: str, price: int, quantity: int = 10, order_type: OrderType = LIMIT
    ) -> Order:
        return self.place(account, SELL, price, quantity, order_type)

    def state(self) -> object:
        """All that an order could have changed."""
        book = self.book
        return (
            book.quote(),
            book.next_id,
            book.event_count,
            [(p.account, p.cash, p.shares, p.fees) for p in book.position_list],
            [(o.id, o.remaining) for side in (book.bids, book.asks) for level in side
             for o in level.orders.values()],
            list(self.published),
            self.exchange.latest,
        )  # fmt: skip

    def refuses(self, refusal: type[ExchangeError], detail: str, *order: object) -> None:
        before = self.state()
        with pytest.raises(refusal) as caught:
            self.place(*order)  # type: ignore[arg-type]
        assert caught.value.detail == detail
        assert self.state() == before


def test_an_order_by_itself_has_a_size_a_tick_and_a_band() -> None:
    market = RuledMarket(largest_order=100, tick_size=5, band=10, start_price=1000)
    market.refuses(
        OrderTooLarge, "qty is 101; allowed: at most 100 (shares)", "ann", BUY, 1000, 101
    )
    market.refuses(OrderTooLarge, "qty is 101; allowed: at most 100 (shares)",
                   "ann", BUY, 0, 101, MARKET)  # fmt: skip
    market.refuses(OffTick, "price is 1001; allowed: a multiple of 5 (cents)", "ann", BUY, 1001)
    for price in (895, 1105, 0):
        for order_type in (LIMIT, FILL_OR_KILL, IMMEDIATE_OR_CANCEL):
            detail = f"price is {price}; allowed: 900 to 1100 (cents)"
            market.refuses(OutsideBand, detail, "ann", SELL, price, 100, order_type)
    assert market.buy("ann", 900, 100).remaining == 100
    assert market.sell("ann", 1100, 100).remaining == 100
    market.buy("bob", 0, 100, MARKET)
    assert market.book.last_trade is not None and market.book.last_trade.price == 1100


def test_the_band_is_around_the_last_trade_the_middle_or_the_start() -> None:
    for around, after in (("last", 1100), ("mid", 1000), ("start", 1000)):
        market = RuledMarket(band=20, band_around=around, start_price=1000)
        assert reference_of(market.book) == 1000, "before anything has happened"
        market.sell("ann", 1100)
        market.buy("bob", 1100, 5)
        market.buy("bob", 900, 5)
        assert reference_of(market.book) == after
    free = RuledMarket(band=20, band_around="mid")
    assert reference_of(free.book) is None and free.sell("ann", MAX_PRICE, 1).remaining
    free.buy("bob", 999, 1)
    assert reference_of(free.book) == (MAX_PRICE + 999) // 2
    assert reference_of(OrderBook("V", "S", 0)) is None


def test_a_market_order_trades_to_the_edge_and_no_further() -> None:
    market = RuledMarket(band=10, start_price=1000)
    market.sell("ann", 1000)
    market.sell("ann", 1100)
    market.buy("bob", 1100, 10)  # the last trade is at 1000
    market.buy("bob", 1100, 5)  # and now at 1100: the band goes to 1210
    market.sell("ann", 1210, 7)
    market.sell("cy", 1000, 1)  # rests nowhere, for bob has no order: it is the last ask
    assert [level.price for level in market.book.asks] == [1000, 1100, 1210]
    market.buy("dan", 1000, 1)  # back to 1000
    swept = market.buy("eve", 0, 100, MARKET)
    assert [(f.price, f.quantity) for f in swept.fills] == [(1100, 5)]
    assert not swept.is_open and swept.close_reason == "rest" and swept.filled == 5
    assert [level.price for level in market.book.asks] == [1210]
    nothing = RuledMarket(band=10, start_price=1000)
    nothing.exchange.rules = rule_book({})
    nothing.book = nothing.exchange.book("V", "T")
    nothing.sell("ann", 5000)
    nothing.book.obey(rule_book({"market": {"band": 10, "start_price": 1000}}).of("V", "T"))
    nothing.book.is_restricted = True
    swept = nothing.buy("bob", 0, 5, MARKET)
    assert (swept.filled, swept.remaining, swept.close_reason) == (0, 0, "rest")
    check_invariants(market.book)


def test_a_position_counts_what_all_open_orders_could_make_of_it() -> None:
    market = RuledMarket(position_limit=100)
    market.sell("bob", 50, 60)
    market.buy("ann", 50, 60)
    market.buy("ann", 40, 30)
    detail = "{} shares would be {} if this and all open orders of its side traded; allowed: 100"
    market.refuses(PositionLimit, detail.format(101, "held"), "ann", BUY, 30, 11)
    market.refuses(PositionLimit, detail.format(101, "held"), "ann", BUY, 0, 11, MARKET)
    resting = market.buy("ann", 30, 10)
    market.refuses(PositionLimit, detail.format(101, "owed"), "ann", SELL, 60, 161)
    market.sell("ann", 60, 160)
    market.exchange.cancel(resting)
    market.buy("ann", 30, 10)
    market.refuses(PositionLimit, detail.format(101, "owed"), "bob", SELL, 70, 41)
    market.sell("bob", 70, 40)


def test_who_is_beyond_the_limit_already_may_come_back() -> None:
    market = RuledMarket()
    market.sell("bob", 50, 60)
    market.buy("ann", 50, 60)
    market.exchange.rules = rule_book({"market": {"position_limit": 10}})
    market.exchange.restore([market.book], 0)
    with pytest.raises(PositionLimit):
        market.buy("ann", 50, 1)
    assert market.sell("ann", 50, 70).is_open and market.buy("bob", 45, 70).is_open


def test_an_account_has_so_many_open_orders() -> None:
    market = RuledMarket(open_orders=2)
    first = market.buy("ann", 10)
    market.buy("ann", 11)
    detail = "the account has 2 open orders here; allowed: 2 with this one"
    market.refuses(TooManyOpenOrders, detail, "ann", SELL, 50)
    assert market.buy("bob", 10).is_open, "others have their own"
    assert market.buy("ann", 0, 5, MARKET).close_reason == "rest", "it never rests"
    market.exchange.cancel(first)
    assert market.sell("ann", 50).is_open


def test_an_account_places_so_many_orders_within_a_second_of_the_clock() -> None:
    market = RuledMarket(orders_per_second=3)
    for _ in range(2):
        market.buy("ann", 10)
    market.ts += NANOSECONDS // 2
    market.buy("ann", 10)
    detail = "this would be one more within a second; allowed: 3 of an account in this stock"
    market.refuses(TooManyOrders, detail, "ann", BUY, 10)
    market.buy("bob", 10)
    market.ts += NANOSECONDS // 2 - 1
    market.refuses(TooManyOrders, detail, "ann", BUY, 10)
    market.ts += 10  # its clock has gone on by a nanosecond with each order
    market.buy("ann", 10)
    market.buy("ann", 10)
    market.refuses(TooManyOrders, detail, "ann", BUY, 10)


def test_what_is_refused_does_not_count_for_the_rate() -> None:
    market = RuledMarket(orders_per_second=1, largest_order=5)
    for _ in range(3):
        with pytest.raises(OrderTooLarge):
            market.buy("ann", 10, 6)
    assert market.buy("ann", 10, 5).is_open


def test_idle_accounts_are_dropped() -> None:
    rates = OrderRates(2)
    for number in range(1000):
        rates.note(f"account {number}", number * NANOSECONDS // 10)
    assert len(rates._times) == 10
    without = OrderRates(None)
    without.note("ann", 5)
    assert not without._times and not without.is_over("ann", 5)


def own_trade(rule: str, order_type: OrderType = LIMIT, quantity: int = 30) -> RuledMarket:
    """ann buys from bob, herself, and bob again, but for what the rule says."""
    market = RuledMarket(self_trade=rule)
    market.sell("bob", 100)
    market.sell("ann", 100)
    market.sell("bob", 101)
    market.sell("ann", 500)
    market.published.clear()
    price = 0 if order_type is MARKET else 101
    market.buy("ann", price, quantity, order_type)
    check_invariants(market.book)
    return market


def rests(market: RuledMarket) -> list[tuple[str, int, int]]:
    orders = [o for side in (market.book.bids, market.book.asks)
              for level in side for o in level.orders.values()]  # fmt: skip
    return [(order.account, order.price, order.remaining) for order in orders]


def test_an_own_trade_may_be_refused() -> None:
    market = RuledMarket(self_trade="refuse")
    market.sell("bob", 100)
    market.sell("ann", 100)
    for order_type in OrderType:
        detail = "it would trade with order 1; allowed: orders of others"
        price = 0 if order_type is MARKET else 100
        market.refuses(OwnOrderMet, detail, "ann", BUY, price, 11, order_type)
    assert market.buy("ann", 100, 25, FILL_OR_KILL).close_reason == "killed", "it meets nobody"
    assert market.buy("ann", 99, 50).is_open
    assert market.buy("ann", 100, 10).close_reason == "filled"


def test_the_newer_order_may_be_cancelled_where_it_meets_an_older_one() -> None:
    for order_type in (LIMIT, MARKET, IMMEDIATE_OR_CANCEL):
        market = own_trade("cancel-newer", order_type)
        newer = market.book.find(4)
        assert newer is not None and newer.filled == 10 and newer.close_reason == "rest"
        assert rests(market) == [("ann", 100, 10), ("bob", 101, 10), ("ann", 500, 10)]
        assert market.published == [(1, 3)]
    killed = own_trade("cancel-newer", FILL_OR_KILL)
    assert len(rests(killed)) == 4 and killed.published == []
    filled = own_trade("cancel-newer", FILL_OR_KILL, quantity=10)
    assert len(rests(filled)) == 3
    at_once = own_trade("cancel-newer", quantity=30)
    order = at_once.buy("ann", 100, 5)
    assert (order.filled, order.remaining, order.close_reason) == (0, 0, "rest")
    assert order.closed_at == order.ts, "and it is closed in its own event"


def test_the_older_orders_may_be_cancelled_before_the_newer_one_comes() -> None:
    for order_type, left in ((LIMIT, [("ann", 101, 10)]), (IMMEDIATE_OR_CANCEL, [])):
        market = own_trade("cancel-older", order_type)
        assert rests(market) == [*left, ("ann", 500, 10)]
        older = market.book.find(1)
        assert older is not None and older.close_reason == "cancelled"
        assert market.published[0] == (0, 3), "a tick for the cancel"
        assert market.published[1][0] == 2
    market = own_trade("cancel-older", MARKET)
    assert rests(market) == [], "ann's order at 500 is in the way as well"
    partly = own_trade("cancel-older", LIMIT, quantity=10)
    assert rests(partly) == [("ann", 100, 10), ("bob", 101, 10), ("ann", 500, 10)]
    killed = own_trade("cancel-older", FILL_OR_KILL)
    assert len(rests(killed)) == 4, "it is killed, and so nothing is cancelled for it"
    filled = own_trade("cancel-older", FILL_OR_KILL, quantity=20)
    assert rests(filled) == [("ann", 500, 10)]


def test_a_leader_cannot_trade_with_himself_at_any_price() -> None:
    """He sweeps the book, rests a share at the highest price there is, and buys it himself."""
    for rules, stops in (
        ({}, None),
        ({"band": 10, "start_price": 5000}, OutsideBand),
        ({"self_trade": "refuse"}, OwnOrderMet),
        ({"self_trade": "cancel-newer"}, None),
        ({"self_trade": "cancel-older"}, None),
    ):
        market = RuledMarket(**rules)
        market.sell("bob", 5000, 5)
        market.sell("bob", 5100, 5)
        market.buy("leader", 0, 100, MARKET)
        try:
            market.sell("leader", MAX_PRICE, 1)
            market.buy("leader", MAX_PRICE, 1)
        except ExchangeError as refusal:
            assert stops is type(refusal)
        else:
            assert stops is None
        last = market.book.last_trade
        assert last is not None and (last.price == MAX_PRICE) is (not rules), rules


def test_two_accounts_move_a_band_that_follows_them_and_none_around_the_start() -> None:
    """They trade one share after the other at the upper edge, as docs/rules.md says."""
    for around, reached in (("last", MAX_PRICE), ("mid", MAX_PRICE), ("start", 6000)):
        market = RuledMarket(
            band=20, band_around=around, start_price=5000, self_trade="refuse", position_limit=100
        )
        rules = market.book.rules
        assert rules is not None
        for _ in range(72):
            _, edge = rules.edges(reference_of(market.book))
            market.sell("leader", edge, 1)
            market.buy("friend", edge, 1)
        last = market.book.last_trade
        assert last is not None and last.price == reached, around


def test_makers_and_takers_pay_of_what_they_trade() -> None:
    market = RuledMarket(taker_fee=30, maker_fee=-10)
    market.sell("ann", 333, 10)
    market.buy("bob", 333, 10)
    ann, bob = market.book.positions["ann"], market.book.positions["bob"]
    assert (ann.fees, ann.cash) == (-3, 3330 + 3)  # 3.33 cents
    assert (bob.fees, bob.cash) == (10, -3330 - 10)  # 9.99 cents
    market.sell("ann", 500, 1)
    market.buy("ann", 500, 1)
    assert (ann.fees, ann.cash, ann.shares) == (-3 + 2 + 0, 3333 - 2, -10), "0.5 cents are none"
    check_invariants(market.book)


def test_levels_have_no_rules_but_their_own() -> None:
    market = RuledMarket(largest_order=1)
    level = market.exchange.reserve("LEVEL", "S", Titles("Level", "Stock"))
    assert level.rules is None and not level.is_restricted
    order = NewOrder("ann", BUY, LIMIT, 5, 10)
    assert market.exchange.submit(level, order).is_open
    other = Exchange(rules=market.exchange.rules)
    other.restore([level, market.book], 0)
    other.restore_reserved("LEVEL", Titles("Level", "Stock"))
    assert level.rules is None and not level.is_restricted and market.book.rules is not None


def test_rules_outlast_a_halt_a_reset_a_rollback_and_a_snapshot() -> None:
    market = RuledMarket(open_orders=1)
    market.buy("ann", 10)
    exchange, book = market.exchange, market.book
    exchange.halt(book, "lunch")
    with pytest.raises(TradingHalted):
        market.buy("ann", 10)
    exchange.resume(book)
    with pytest.raises(TooManyOpenOrders):
        market.buy("ann", 10)
    exchange.restore([book], 0)  # as after a rollback
    with pytest.raises(TooManyOpenOrders):
        market.buy("ann", 10)
    exchange.reset(book)
    market.book = exchange.book("V", "S")
    market.buy("ann", 10)
    with pytest.raises(TooManyOpenOrders):
        market.buy("ann", 10)


def test_without_rules_a_book_has_nothing_to_check() -> None:
    market = RuledMarket()
    assert market.book.rules is None and market.book.usages is None
    assert not market.book.is_restricted and market.buy("ann", MAX_PRICE, 10**9).is_open


def test_opponents_obey_and_go_on_with_what_is_allowed() -> None:
    """A maker that may buy no more still sells."""
    market = RuledMarket(position_limit=500)
    market.sell("bob", 5000, 500)
    market.buy("maker", 5000, 500)
    view = DirectView(market.exchange, market.book, "maker", random.Random(1))
    MarketMaker().step(view)
    assert view.sent == 6 and view.placed == 3 and market.book.bids.best is None
    assert market.book.asks.resting == 3


def test_an_opponent_goes_on_after_a_refusal() -> None:
    with serve(rules={"market": {"largest_order": 40}}, opponents="taker", clock="stepped") as run:
        run.advance(60)
        with run._using() as exchange:
            placed = exchange.book(run.venue, run.symbol).next_id
        run.advance(60)
        with run._using() as exchange:
            assert exchange.book(run.venue, run.symbol).next_id > placed > 0


@pytest.mark.parametrize("rule", get_args(SelfTrade))
def test_no_account_trades_with_itself_and_nobody_beyond_the_band(rule: str) -> None:
    """Random orders; what they may trade is looked at, and not how that is found."""
    chance = random.Random(rule)
    for around in get_args(BandAround):
        market = RuledMarket(
            self_trade=rule, band=10, band_around=around, start_price=100, taker_fee=10
        )
        traded = Counter[str]()
        for number in range(400):
            edges = market.book.rules and market.book.rules.edges(reference_of(market.book))
            assert edges
            kind, side = chance.choice(list(OrderType)), chance.choice((BUY, SELL))
            price = 0 if kind is MARKET else chance.randint(*edges)
            account, quantity = chance.choice(("ann", "bob", "cy")), chance.randrange(1, 40)
            others = [o for s in (market.book.bids, market.book.asks) for level in s
                      for o in level.orders.values() if o.account != account]  # fmt: skip
            stood = {order.id: order.remaining for order in others}
            try:
                order = market.place(account, side, price, quantity, kind)
            except OwnOrderMet:
                traded["refused"] += 1
                continue
            assert order.filled == sum(stood[o.id] - o.remaining for o in others), "an own trade"
            for fill in order.fills:
                assert fill.price <= edges[1] if side is BUY else fill.price >= edges[0]
            traded[order.close_reason or "open"] += 1
            if number % 20 == 0:
                check_invariants(market.book)
        assert traded["filled"] > 20 and traded["open"] > 20, traded


def test_ten_thousand_open_orders_make_the_next_one_no_slower() -> None:
    """Counted in calls of functions, those of Python and those of C."""
    few, many = (calls_of_an_order(others) for others in (10, 10_000))
    assert many <= few + 30, (few, many)


def calls_of_an_order(others: int) -> int:
    market = RuledMarket(
        position_limit=10**6, open_orders=10**6, self_trade="cancel-newer", band=50
    )
    for number in range(others):
        market.sell("ann", 200 + number // 10, 1)
    market.sell("bob", 199, 10)
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        market.buy("ann", 199, 5)
        market.buy("bob", 150, 5)
    finally:
        sys.setprofile(None)
    return calls


def test_a_snapshot_has_the_rules_and_what_they_count() -> None:
    with serve(
        rules={"market": {"open_orders": 2, "orders_per_second": 2}}, clock="stepped"
    ) as run:
        buy = NewOrder("ann", BUY, LIMIT, 10, 1)

        def place() -> None:
            with run._using() as exchange:
                exchange.submit(exchange.book(run.venue, run.symbol), buy)

        place()
        run.control.snapshot("one")
        place()
        with pytest.raises(TooManyOrders):
            place()
        run.control.restore("one")
        place()
        run.advance(5)
        with pytest.raises(TooManyOpenOrders):
            place()
        run.control.reset()
        place()
        place()
