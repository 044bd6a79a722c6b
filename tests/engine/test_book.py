"""The rules of matching, told as stories."""

import pytest
from story import run

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import NewOrder, OrderType, Side


def test_better_prices_trade_first_and_then_older_orders() -> None:
    book = run("""
        ann  sell  10 @ 5002
        bob  sell  10 @ 5001
        cat  sell  10 @ 5001
        dan  buy   25 @ 5002     -> 10 @ 5001, 10 @ 5001, 5 @ 5002
        book | 5002 x 5
        last 5002 x 5
    """)
    assert not book.find(1).is_open and not book.find(2).is_open


def test_a_trade_happens_at_the_standing_price() -> None:
    run("""
        ann  buy   10 @ 5010
        bob  sell   4 @ 4000     -> 4 @ 5010
        bob  holds -4 shares, 20040 cents
        ann  holds  4 shares, -20040 cents
        book 5010 x 6 |
    """)


def test_what_is_left_of_a_limit_order_rests() -> None:
    run("""
        ann  sell  10 @ 5000
        bob  buy   25 @ 5005     -> 10 @ 5000
        book 5005 x 15 |
        cat  sell  20 @ 4990     -> 15 @ 5005
        book | 4990 x 5
    """)


def test_a_market_order_never_rests() -> None:
    run("""
        ann  sell  10 @ 2147483647
        bob  buy   25 market     -> 10 @ 2147483647
        book |
        bob  sell   5 market     -> nothing
        book |
    """)


def test_a_market_order_to_sell_takes_any_price() -> None:
    run("""
        ann  buy  10 @ 0
        bob  sell 10 market      -> 10 @ 0
    """)


def test_an_immediate_or_cancel_order_takes_what_it_gets_and_closes() -> None:
    run("""
        ann  sell  10 @ 5000
        ann  sell  10 @ 5001
        bob  buy   25 @ 5000 ioc -> 10 @ 5000
        book | 5001 x 10
    """)


def test_a_fill_or_kill_order_trades_in_full_or_not_at_all() -> None:
    run("""
        ann  sell  10 @ 5000
        bob  sell  10 @ 5001
        cat  buy   11 @ 5000 fok -> nothing
        cat  buy   21 @ 5001 fok -> nothing
        book | 5000 x 10, 5001 x 10
        cat  buy   20 @ 5001 fok -> 10 @ 5000, 10 @ 5001
        book |
    """)


def test_a_killed_order_leaves_the_quote_as_it_was() -> None:
    book = run("ann sell 10 @ 5000")
    before = book.quote()
    outcome = book.submit(NewOrder("bob", Side.BUY, OrderType.FILL_OR_KILL, 5000, 11), 99)
    assert not outcome.book_moved and not outcome.executions
    assert book.quote() == before
    assert (outcome.order.id, outcome.order.remaining, outcome.order.is_open) == (1, 0, False)


def test_a_cancelled_order_never_trades() -> None:
    run("""
        ann  sell  10 @ 5000
        bob  sell  10 @ 5000
        ann  cancels 0
        book | 5000 x 10
        cat  buy   15 @ 5000     -> 10 @ 5000
        book 5000 x 5 |
        ann  cancels 0
        book 5000 x 5 |
    """)


def test_cancelling_the_best_level_uncovers_the_next() -> None:
    run("""
        ann  buy  10 @ 5000
        ann  buy  10 @ 4999
        ann  buy  10 @ 4998
        ann  cancels 1
        ann  cancels 0
        book 4998 x 10 |
        ann  cancels 2
        book |
    """)


def test_a_partial_fill_keeps_its_place_in_the_queue() -> None:
    run("""
        ann  sell  10 @ 5000
        bob  sell  10 @ 5000
        cat  buy    4 @ 5000     -> 4 @ 5000
        cat  buy    8 @ 5000     -> 6 @ 5000, 2 @ 5000
        book | 5000 x 8
    """)


def test_trading_with_oneself_moves_nothing_but_is_known() -> None:
    book = run("""
        ann  sell  10 @ 5000
        ann  buy   10 @ 5000     -> 10 @ 5000
        ann  holds 0 shares, 0 cents
    """)
    assert (book.positions["ann"].lowest, book.positions["ann"].highest) == (0, 0)


def test_positions_remember_their_extremes() -> None:
    book = run("""
        ann  sell  30 @ 5000
        bob  buy   30 @ 5000     -> 30 @ 5000
        ann  buy   40 @ 5000
        bob  sell  40 @ 5000     -> 40 @ 5000
        bob  holds -10 shares, 50000 cents
    """)
    bob = book.positions["bob"]
    assert (bob.lowest, bob.highest) == (-10, 30)
    assert bob.net_asset_value(4000) == 50000 - 10 * 4000


def test_an_execution_keeps_how_both_orders_stood() -> None:
    book = run("ann sell 10 @ 5000\n bob sell 5 @ 5001")
    new = NewOrder("cat", Side.BUY, OrderType.LIMIT, 5001, 12)
    first, second = book.submit(new, 50).executions
    assert (first.standing.id, first.standing_filled, first.incoming_filled) == (0, 10, 10)
    assert (second.standing.id, second.standing_filled, second.incoming_filled) == (1, 2, 12)
    assert (first.incoming_fills, second.incoming_fills) == (1, 2)
    assert first.ts == second.ts == book.quote().last_trade == 50


def test_a_quote_names_best_prices_sizes_and_depths() -> None:
    quote = run("""
        ann  buy  10 @ 4999
        ann  buy   7 @ 4999
        ann  buy   5 @ 4990
        bob  sell  3 @ 5001
        bob  sell  2 @ 5003
    """).quote()
    assert (quote.bid, quote.bid_size, quote.bid_depth) == (4999, 17, 22)
    assert (quote.ask, quote.ask_size, quote.ask_depth) == (5001, 3, 5)
    assert quote.last is None


def test_an_empty_side_has_no_price() -> None:
    quote = OrderBook("TESTEX", "FOOBAR", 7).quote()
    assert (quote.bid, quote.ask, quote.bid_size, quote.ask_depth) == (None, None, 0, 0)
    assert quote.quote_time == 7


def test_a_story_that_comes_out_differently_fails() -> None:
    with pytest.raises(AssertionError, match="came out as: 10 @ 5000"):
        run("ann sell 10 @ 5000\n bob buy 10 @ 5000 -> 9 @ 5000")


def test_what_an_account_has_resting_is_found_in_the_order_of_its_ids() -> None:
    book = run("""
        ann  buy   10 @ 5000
        ann  buy   10 @ 5001
        bob  buy   10 @ 5002
        ann  sell  10 @ 5009
        cat  sell  20 @ 5001     -> 10 @ 5002, 10 @ 5001
    """)
    assert book.resting_ids_of("ann") == [0, 3]
    assert book.resting_ids_of("bob") == book.resting_ids_of("dan") == []
