"""A replay: the same market again, and what becomes of it when others trade beside it."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from recorded_market import START, Original, exported, replaying

from disorderbook import Market
from disorderbook.api.services import Services
from disorderbook.control.replay import ReplayStatus, place_of
from disorderbook.engine.orders import BUY, LIMIT, MARKET, SELL, NewOrder, Order, Side
from disorderbook.errors import CannotWrite
from disorderbook.exchange import Exchange
from disorderbook.in_process import serve
from disorderbook.ledger.recording import BEFORE
from disorderbook.protocol.names import NANOSECONDS
from disorderbook.timeline.clock import SPEED, ClockSettings

Act = Callable[[Exchange], object]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with market.db, and its export in csv/."""
    folder = tmp_path_factory.mktemp("original")
    Original(folder / "market.db").trade(2000).close()
    exported(folder / "market.db", folder / "csv")
    return folder


def status_of(services: Services) -> ReplayStatus:
    assert services.replay is not None
    return services.replay.status


def to_the_end(services: Services) -> ReplayStatus:
    """Let time pass until all of it was replayed."""
    with services.exchange.lock:
        while status_of(services).left:
            services.timeline.advance(3600 * NANOSECONDS)
            services.exchange.commit()
    return status_of(services)


@pytest.mark.parametrize("name", ["market.db", "csv"])
def test_a_pure_replay_is_the_original_byte_for_byte(
    original: Path, tmp_path: Path, name: str
) -> None:
    with replaying(original / name, tmp_path / "new.db") as services:
        status = to_the_end(services)
    expected = [(original / "csv" / each).read_bytes() for each in ("orders.csv", "executions.csv")]
    assert exported(tmp_path / "new.db", tmp_path) == expected
    lines = expected[0].count(b",limit,"), expected[0].count(b",cancelled\r\n")
    assert min(lines) > 70 and status.orders > 1500
    assert (status.cancels, status.refused, status.differing) == (lines[1], 0, 0)


def small(folder: Path, *acts: Act) -> Path:
    """A market of one book in which so much has happened."""
    market = Original(folder / "small.db", [("V", "S")])
    for act in acts:
        with market.exchange.transaction():
            act(market.exchange)
    return market.close()


def places(account: str, side: Side, price: int, quantity: int) -> Act:
    kind = LIMIT if price else MARKET
    new = NewOrder(account, side, kind, price, quantity)
    return lambda exchange: exchange.submit(exchange.book("V", "S"), new)


def cancels(order_id: int) -> Act:
    return lambda exchange: exchange.cancel(exchange.order("V", "S", order_id))


def orders_of(services: Services) -> list[Order]:
    book = services.exchange.book("V", "S")
    found = [book.find(number) for number in range(book.next_id)]
    return [order for order in found if order is not None]


def test_a_clock_that_goes_by_itself_gives_the_time_stamps_of_the_original(tmp_path: Path) -> None:
    file = small(tmp_path, places("a", SELL, 50, 9), places("b", BUY, 50, 4), cancels(0))
    stamps = []
    for _ in range(2):
        with replaying(file, clock=ClockSettings(SPEED, 1000.0)) as services:
            deadline = time.monotonic() + 60
            while status_of(services).left and time.monotonic() < deadline:
                time.sleep(0.001)
            with services.exchange.lock:
                stamps.append([(o.ts, o.closed_at) for o in orders_of(services)])
    with replaying(file) as services:
        to_the_end(services)
        assert stamps == [[(o.ts, o.closed_at) for o in orders_of(services)]] * 2
        assert START < stamps[0][0][0] < START + NANOSECONDS


def test_on_the_machines_clock_events_come_as_long_after_one_another(tmp_path: Path) -> None:
    file = small(tmp_path, places("a", SELL, 50, 9), places("b", BUY, 50, 4))
    before = time.time_ns()
    with replaying(file, clock=ClockSettings()) as services:
        after = time.time_ns()
        replay = services.replay
        assert replay is not None and replay.next_at is not None
        assert before <= replay.next_at - BEFORE <= after
        first = replay.next_at
        with services.exchange.lock:
            replay.act()
            gone = replay.next_at - first
        assert 0 < gone < 2 * 10_000_000  # as the original's clock has gone on


def test_a_cancel_goes_to_its_order_where_others_trade_beside(tmp_path: Path) -> None:
    file = small(
        tmp_path, places("a", SELL, 50, 9), places("a", SELL, 60, 5), cancels(0), cancels(1)
    )
    with replaying(file) as services, services.exchange.lock:
        exchange, timeline = services.exchange, services.timeline
        places("me", BUY, 40, 1)(exchange)  # has the id 0
        timeline.advance(BEFORE)  # the first one
        places("me", BUY, 0, 9)(exchange)  # takes all of it
        timeline.advance(NANOSECONDS)
        told = [(o.account, o.price, o.filled, o.close_reason) for o in orders_of(services)]
        assert told == [
            ("me", 40, 0, None),
            ("a", 50, 9, "filled"),
            ("me", 0, 9, "filled"),
            ("a", 60, 0, "cancelled"),
        ]
        assert status_of(services) == ReplayStatus(2, 2, 0, 1, 0)


def test_an_order_that_trades_otherwise_is_counted(tmp_path: Path) -> None:
    acts = places("a", SELL, 50, 9), places("b", BUY, 50, 4), places("b", BUY, 50, 9)
    file = small(tmp_path, *acts)
    for quantity, differing in ((0, 0), (4, 1), (6, 2)):
        with replaying(file) as services, services.exchange.lock:
            services.timeline.advance(BEFORE)  # the first one
            if quantity:
                places("me", BUY, 50, quantity)(services.exchange)
            services.timeline.advance(NANOSECONDS)
            assert status_of(services) == ReplayStatus(3, 0, 0, differing, 0)


def test_a_client_takes_liquidity_beside_a_stepped_replay(original: Path) -> None:
    with serve(replay=original / "market.db", clock="stepped") as exchange:
        assert (exchange.venue, exchange.symbol) == ("V", "S")
        whole = exchange.replay
        assert whole is not None and exchange.time_ns < START + BEFORE
        exchange.advance(2)
        market = Market(exchange.venue, exchange.symbol, "ME", url=exchange.url)
        taken = market.buy(0, 60, order_type="market")
        while exchange.replay and exchange.replay.left:
            exchange.advance(1)
        assert taken.total_filled > 0
        status = exchange.replay
        assert status is not None and status.differing > 0 and status.refused == 0
        assert status.orders + status.cancels == whole.left


def test_what_is_refused_is_counted_and_its_cancel_too(tmp_path: Path) -> None:
    file = small(tmp_path, places("a", SELL, 50, 9), cancels(0), places("a", SELL, 60, 5))
    with replaying(file) as services, services.exchange.lock:
        exchange, timeline = services.exchange, services.timeline
        book = exchange.book("V", "S")
        exchange.halt(book, "for a while")
        timeline.act_next(START + BEFORE)
        exchange.resume(book)
        timeline.advance(2 * NANOSECONDS)
        assert [order.price for order in orders_of(services)] == [60]
        assert status_of(services) == ReplayStatus(1, 0, 2, 0, 0)


def test_what_cannot_be_written_is_done_later(tmp_path: Path) -> None:
    file = small(tmp_path, places("a", SELL, 50, 9), places("b", BUY, 50, 4), cancels(0))
    with replaying(file) as services, services.exchange.lock:
        replay, exchange = services.replay, services.exchange
        assert replay is not None
        require = exchange._ledger.require_writable
        for _ in range(3):

            def fail() -> None:
                raise CannotWrite

            exchange._ledger.require_writable = fail  # type: ignore[method-assign]
            with pytest.raises(CannotWrite):
                replay.act()
            exchange._ledger.require_writable = require  # type: ignore[method-assign]
            replay.act()
        assert replay.status == ReplayStatus(2, 1, 0, 0, 0)


def test_a_single_book_can_be_at_another_place(tmp_path: Path) -> None:
    file = small(tmp_path, places("a", SELL, 50, 9))
    with replaying(file, place=place_of("N/T")) as services:
        to_the_end(services)
        assert services.exchange.book("N", "T").next_id == 1
        assert list(services.exchange.venues()) == ["N"]
    for text in ("N", "/T", "N/", "N/T/U", ""):
        with pytest.raises(ValueError, match="is no VENUE/STOCK"):
            place_of(text)


def test_it_begins_anew_with_a_new_market_and_forgets_a_book_that_is_no_more(
    tmp_path: Path,
) -> None:
    acts = places("a", SELL, 50, 9), places("a", SELL, 60, 5), cancels(0), cancels(1)
    with replaying(small(tmp_path, *acts)) as services, services.exchange.lock:
        replay, exchange = services.replay, services.exchange
        assert replay is not None
        replay.act()
        replay.reset(exchange.book("V", "S"))
        exchange.restore([], 0)  # the book is no more
        places("me", BUY, 40, 1)(exchange)  # has the id 0, as the first order had
        for _ in range(3):
            replay.act()
        told = [(o.account, o.price, o.close_reason) for o in orders_of(services)]
        assert told == [("me", 40, None), ("a", 60, "cancelled")]
        assert replay.status == ReplayStatus(2, 2, 0, 1, 0)
        exchange.restore([], 0)
        replay.reset(None)
        assert replay.status == ReplayStatus(0, 0, 0, 0, 4)
        for _ in range(4):
            replay.act()
        assert [order.close_reason for order in orders_of(services)] == ["cancelled"] * 2
        assert replay.status == ReplayStatus(2, 2, 0, 0, 0)


def test_a_reset_of_the_exchange_has_it_replayed_again(original: Path) -> None:
    with serve(replay=original / "csv", clock="stepped") as exchange:
        whole = exchange.replay
        assert whole is not None
        books = []
        for _ in range(2):
            assert (exchange.replay, exchange.time_ns < START + BEFORE) == (whole, True)
            exchange.advance(3)
            with Market("V", "S", url=exchange.url) as market:
                books.append((market.book(), market.quote()))
            assert exchange.replay and whole.left > exchange.replay.left > 0
            exchange.control.reset()
        assert books[0] == books[1] and books[0][0].bids
