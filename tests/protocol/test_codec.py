"""Whatever is sent is read back by the client's types as the same."""

from datetime import datetime

import msgspec
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from disorderbook import client
from disorderbook.engine import book as engine
from disorderbook.engine.orders import ORDER_TYPE_NAMES, SIDE_NAMES, Fill, Order, OrderType, Side
from disorderbook.protocol.messages import (
    PIECE,
    execution_message,
    order_message,
    order_pieces,
    quote_message,
    tick_message,
)

MOST = 2**31 - 1

names = st.text(min_size=1, max_size=20)
numbers = st.integers(0, MOST)
times = st.integers(0, 4_102_444_800_000_000_000)  # until 2100
fills = st.builds(Fill, numbers, st.integers(1, MOST), times)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """An order as it may stand: what is left and what was filled are what was wanted at most."""
    made = draw(st.lists(fills, max_size=5))
    filled = sum(fill.quantity for fill in made)
    remaining = draw(numbers)
    return Order(
        id=draw(st.integers(0, 2**53)),
        venue=draw(names),
        symbol=draw(names),
        account=draw(names),
        side=draw(st.sampled_from(Side)),
        type=draw(st.sampled_from(OrderType)),
        price=draw(numbers),
        quantity=filled + remaining,
        ts=draw(times),
        remaining=draw(st.sampled_from([0, remaining])),
        filled=filled,
        fills=made,
    )


quotes = st.builds(
    engine.Quote,
    venue=names,
    symbol=names,
    bid=st.none() | numbers,
    ask=st.none() | numbers,
    bid_size=numbers,
    ask_size=numbers,
    bid_depth=st.integers(0, 2**60),
    ask_depth=st.integers(0, 2**60),
    last=st.none() | numbers,
    last_size=numbers,
    last_trade=times,
    quote_time=times,
)


def nanoseconds(text: str) -> int:
    """What a time stamp says; reckoned in integers, for a float would round it."""
    second, fraction = text.removesuffix("Z").split(".")
    assert len(fraction) == 9
    return int(datetime.fromisoformat(f"{second}+00:00").timestamp()) * 10**9 + int(fraction)


def check_order(read: client.Order, order: Order, remaining: int, filled: int, made: int) -> None:
    """The order as it stood once it had `filled` shares in the first `made` of its fills."""
    assert (read.venue, read.symbol, read.account) == (order.venue, order.symbol, order.account)
    assert (read.id, nanoseconds(read.ts)) == (order.id, order.ts)
    assert read.direction == SIDE_NAMES[order.side]
    assert read.order_type == ORDER_TYPE_NAMES[order.type]
    assert (read.price, read.original_qty) == (order.price, order.quantity)
    assert (read.qty, read.total_filled, read.open) == (remaining, filled, remaining > 0)
    read_fills = [Fill(fill.price, fill.qty, nanoseconds(fill.ts)) for fill in read.fills]
    assert read_fills == list(order.fills)[:made]


def check_quote(read: client.Quote, quote: engine.Quote) -> None:
    for field in ("venue", "symbol", "bid_size", "ask_size", "bid_depth", "ask_depth"):
        assert getattr(read, field) == getattr(quote, field)
    assert (read.bid, read.ask, nanoseconds(read.quote_time)) == (
        quote.bid,
        quote.ask,
        quote.quote_time,
    )
    last = (quote.last, quote.last_size, quote.last_trade)
    if quote.last is None:
        assert (read.last, read.last_size, read.last_trade) == (None, None, None)
    else:
        assert read.last_trade is not None
        assert (read.last, read.last_size, nanoseconds(read.last_trade)) == last


@examples(2)
@given(orders())
def test_an_order_is_read_back_as_it_stands(order: Order) -> None:
    read = msgspec.json.decode(order_message(order), type=client.Order)
    check_order(read, order, order.remaining, order.filled, len(order.fills))


@examples(2)
@given(orders(), st.integers(0, 3 * PIECE))
def test_an_order_in_pieces_is_the_same(order: Order, fills: int) -> None:
    if order.fills:
        order.fills = (list(order.fills) * fills)[:fills] or order.fills
    assert b"".join(order_pieces(order)) == order_message(order)


@examples(2)
@given(quotes)
def test_a_quote_is_read_back_from_an_answer_and_from_the_tape(quote: engine.Quote) -> None:
    check_quote(msgspec.json.decode(quote_message(quote), type=client.Quote), quote)
    tick = msgspec.json.decode(tick_message(quote), type=dict[str, msgspec.Raw])
    check_quote(msgspec.json.decode(tick["quote"], type=client.Quote), quote)


@examples(2)
@given(orders(), orders(), fills, st.data())
def test_an_execution_is_read_back_by_both_sides(
    standing: Order, incoming: Order, trade: Fill, data: st.DataObject
) -> None:
    counts = [data.draw(st.integers(0, len(order.fills))) for order in (standing, incoming)]
    sums = [
        sum(fill.quantity for fill in order.fills[:count])
        for order, count in zip((standing, incoming), counts)
    ]
    execution = engine.Execution(
        standing=standing,
        incoming=incoming,
        price=trade.price,
        quantity=trade.quantity,
        ts=trade.ts,
        standing_filled=sums[0],
        standing_fills=counts[0],
        incoming_filled=sums[1],
        incoming_fills=counts[1],
    )
    complete = sums[0] == standing.quantity, sums[1] == incoming.quantity
    for receiver, filled, count in zip((standing, incoming), sums, counts):
        message = execution_message(execution, receiver)
        read = msgspec.json.decode(message, type=client.Execution)
        assert (read.account, read.venue) == (receiver.account, receiver.venue)
        assert (read.symbol, read.price, read.filled) == (
            receiver.symbol,
            trade.price,
            trade.quantity,
        )
        assert nanoseconds(read.filled_at) == trade.ts
        assert (read.standing_id, read.incoming_id) == (standing.id, incoming.id)
        assert (read.standing_complete, read.incoming_complete) == complete
        check_order(read.order, receiver, receiver.quantity - filled, filled, count)
