"""Changes are kept when a turn ends, or together; a write that fails is owned up to."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from durable_market import Stoppable, buy, play, sell, state
from wsgi import ORDERS, Client

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.errors import CannotRead, CannotWrite
from disorderbook.ledger.base import Instance
from disorderbook.ledger.durable import FORGOTTEN_AT_ONCE
from disorderbook.ledger.file import open_ledger

FULL = "PRAGMA max_page_count = 1"  # SQLite then gives the file no page more than it has


def rows(file: Path, query: str) -> list[tuple[object, ...]]:
    """What somebody else sees of the file at this moment."""
    reader = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)
    try:
        return reader.execute(query).fetchall()
    finally:
        reader.close()


def test_everybody_can_read_the_file_while_the_market_runs(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    market = Stoppable(file)
    for act in (sell(9), buy(2), buy(3, account="cat")):
        play(market.exchange, (("V", "S"), act))
    assert rows(file, "SELECT count(*) FROM orders") == [(1,)]  # with the book; the rest follows
    market.flush()
    assert rows(file, "SELECT id, account, side, type, price, quantity, remaining FROM orders") == [
        (0, "ann", "sell", "limit", 50, 9, 4),
        (1, "bob", "buy", "limit", 50, 2, 0),
        (2, "cat", "buy", "limit", 50, 3, 0),
    ]
    assert rows(file, "SELECT standing_id, incoming_id, price, quantity FROM executions") == [
        (0, 1, 50, 2),
        (0, 2, 50, 3),
    ]
    assert rows(file, "SELECT order_id, number, quantity FROM fills ORDER BY 1, 2") == [
        (0, 0, 2),
        (0, 1, 3),
        (1, 0, 2),
        (2, 0, 3),
    ]
    assert rows(file, "SELECT account, cash, shares FROM positions") == [
        ("ann", 250, -5),
        ("bob", -100, 2),
        ("cat", -150, 3),
    ]
    market.exchange.close()


def test_reads_write_nothing(tmp_path: Path) -> None:
    ledger, _ = open_ledger(str(tmp_path / "market.db"))
    client = Client(extra=True, ledger=ledger)
    client.order()
    written = ledger.connection.total_changes
    book = ORDERS.removesuffix("/orders")
    for path in (
        book,
        f"{book}/quote",
        f"{ORDERS}/0",
        f"{ORDERS}/7",
        f"{book}/scores",
        "/ob/api/venues",
        "/ob/api/venues/TESTEX/accounts/ANN/orders",
    ):
        client("GET", path)
    assert ledger.connection.total_changes == written
    client("DELETE", f"{ORDERS}/0")
    assert ledger.connection.total_changes > written
    written = ledger.connection.total_changes
    client("DELETE", f"{ORDERS}/0")
    assert ledger.connection.total_changes == written
    ledger.close()


def test_a_batch_of_turns_is_one_transaction(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    market.exchange.group_commit = True
    transactions: list[str] = []
    market.exchange._ledger.connection.set_trace_callback(
        lambda statement: transactions.append(statement) if statement == "COMMIT" else None
    )
    for _ in range(30):
        play(market.exchange, (("V", "S"), sell(9)))
    assert transactions == [] and rows(tmp_path / "market.db", "SELECT * FROM orders") == []
    market.exchange.commit()
    market.exchange.commit()
    market.exchange.flush()
    market.exchange.flush()
    assert transactions == ["COMMIT"]
    assert rows(tmp_path / "market.db", "SELECT count(*) FROM orders") == [(30,)]
    market.exchange.close()


def test_closed_orders_beyond_the_bound_leave_memory(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db", bound=4)
    for _ in range(20):
        play(market.exchange, (("V", "S"), sell(1)))
        play(market.exchange, (("V", "S"), buy(1)))
    book = market.exchange.book("V", "S")
    assert all(map(book.find, range(40)))  # nothing leaves before the tables have it
    market.flush()
    assert [n for n in range(40) if book.find(n)] == [36, 37, 38, 39]
    assert [market.exchange.order("V", "S", n).filled for n in range(40)] == [1] * 40
    market.exchange.close()


def test_however_many_are_closed_at_once_as_many_leave_memory(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db", bound=4)
    market.exchange.group_commit = True
    for _ in range(3):
        for _ in range(FORGOTTEN_AT_ONCE):
            play(market.exchange, (("V", "S"), sell(1)))
            play(market.exchange, (("V", "S"), buy(1)))
        market.exchange.commit()
    book = market.exchange.book("V", "S")
    assert [bool(book.find(n)) for n in range(book.next_id)].count(True) == 4
    market.exchange.close()


def test_on_a_full_disk_nothing_changes_any_more_and_all_that_was_kept_is_read(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    market = Stoppable(tmp_path / "market.db", clock=iter(range(1, 10**9)).__next__)
    exchange = market.exchange
    for act in (sell(9), buy(2), buy(1, price=40)):
        play(exchange, (("V", "S"), act))
    instance = Instance(1, "ANN", 5)
    with exchange.transaction():
        market.record_instance(1, instance)
    exchange._ledger.connection.execute(FULL)
    before = state(exchange)
    with pytest.raises(CannotWrite):
        for _ in range(2000):
            before = state(exchange)
            play(exchange, (("V", "S"), buy(1, account="a" * 255)))
    assert state(exchange) == before
    for refused in (
        lambda: play(exchange, (("V", "S"), buy(1))),
        lambda: play(exchange, (("V", "S"), 2)),
        lambda: exchange.book("V", "T"),
        lambda: market.record_instance(2, instance),
        lambda: market.record_instance(1, None),
    ):
        with pytest.raises(CannotWrite):
            refused()
    play(exchange, (("V", "S"), 1))  # the cancel of a closed order changes nothing
    assert state(exchange) == before
    assert "cannot be written" in caplog.text and "database or disk is full" in caplog.text
    market.stop()
    assert state(market.exchange) == before
    market.exchange.close()


def begin_a_batch_that_does_not_fit(folder: Path) -> tuple[Stoppable, object]:
    """A market with 300 orders that are not kept and cannot be, and how it was before them."""
    market = Stoppable(folder / "market.db", clock=iter(range(1, 10**9)).__next__)
    play(market.exchange, (("V", "S"), sell(9)))
    before = state(market.exchange)
    market.exchange.group_commit = True
    market.exchange._ledger.connection.execute(FULL)
    for number in range(300):
        play(market.exchange, (("V", "S"), buy(1, account=str(number) * 50)))
    return market, before


def test_a_failed_commit_of_a_batch_takes_back_all_of_it(tmp_path: Path) -> None:
    market, before = begin_a_batch_that_does_not_fit(tmp_path)
    with pytest.raises(CannotWrite):
        market.exchange.commit()
    assert state(market.exchange) == before
    market.exchange.commit()
    market.exchange.close()


def test_what_failed_to_flush_before_its_commit_is_refused_by_that(tmp_path: Path) -> None:
    market, before = begin_a_batch_that_does_not_fit(tmp_path)
    with pytest.raises(CannotWrite):
        market.exchange.flush()
    assert state(market.exchange) == before
    with pytest.raises(CannotWrite):
        market.exchange.commit()  # or the 300 would be told that all is well
    market.exchange.flush()
    market.exchange.commit()
    assert state(market.exchange) == before
    market.exchange.close()


def test_what_can_be_neither_kept_nor_read_is_not_shown(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    play(market.exchange, (("V", "S"), sell(9)))
    market.exchange._ledger.connection.execute("DROP TABLE journal")
    with pytest.raises(CannotRead):
        play(market.exchange, (("V", "S"), buy(9)))
    assert list(market.exchange.venues()) == []
    with pytest.raises(CannotWrite):
        market.exchange.book("V", "S")
    market.exchange.close()


def test_a_change_that_a_signal_interrupts_is_not_kept_by_halves(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market = Stoppable(tmp_path / "market.db", clock=iter(range(1, 10**9)).__next__)
    play(market.exchange, (("V", "S"), sell(9)))
    play(market.exchange, (("V", "S"), sell(5)))
    before = state(market.exchange)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(OrderBook, "_move", interrupt)
        with pytest.raises(CannotWrite):
            play(market.exchange, (("V", "S"), buy(2)))
    with pytest.raises(CannotWrite):
        play(market.exchange, (("V", "S"), buy(1)))
    assert state(market.exchange) == before
    market.stop()
    assert state(market.exchange) == before
    market.exchange.close()


def test_over_http_a_full_disk_is_503(tmp_path: Path) -> None:
    ledger, _ = open_ledger(str(tmp_path / "market.db"))
    client = Client(ledger=ledger)
    assert client.order().status == 200
    ledger.connection.execute(FULL)
    answers = [client.order(account="A" * 255) for _ in range(100)]
    refusal = (503, CannotWrite.sentence)
    kept = [answer.status for answer in answers].index(503)
    assert 0 < kept and all(answer.error == refusal for answer in answers[kept:])
    assert client("DELETE", f"{ORDERS}/0").error == refusal
    assert client("GET", "/ob/api/venues/X/stocks/Y").error == refusal
    assert client("GET", f"{ORDERS}/{kept}").status == 200
    assert client("GET", f"{ORDERS}/{kept + 1}").status == 404
    assert len(client("GET", ORDERS.removesuffix("/orders")).json["bids"]) == kept + 1
    ledger.close()


@contextmanager
def another_program_writes(file: Path) -> Iterator[None]:
    meddler = sqlite3.connect(file, isolation_level=None)
    meddler.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        meddler.close()


def test_while_another_program_writes_no_change_begins_and_then_they_go_on(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = tmp_path / "market.db"
    market = Stoppable(file, clock=iter(range(1, 10**9)).__next__)
    exchange = market.exchange
    for act in (sell(9), buy(2), sell(5, price=60)):
        play(exchange, (("V", "S"), act))
    instance = Instance(1, "ANN", 5)
    with exchange.transaction():
        market.record_instance(1, instance)
    published: list[object] = []
    exchange._publishers = [lambda *event: published.append(event)]
    before, played_on = state(exchange), []
    for _ in range(3):
        with another_program_writes(file):
            for refused in (
                lambda: play(exchange, (("V", "S"), buy(1))),
                lambda: play(exchange, (("V", "S"), 2)),
                lambda: exchange.book("V", "T"),
                lambda: market.record_instance(2, instance),
                lambda: market.record_instance(1, None),
            ):
                with pytest.raises(CannotWrite):
                    refused()
            exchange.flush()
            exchange.commit()
            assert state(exchange) == before and not published
        play(exchange, (("V", "S"), buy(1)))
        played_on.append(state(exchange))
        before = played_on[-1]
        published.clear()
    assert caplog.text.count("no changes until") == caplog.text.count("changes go on") == 3
    market.stop()
    assert state(market.exchange) == before and market.instances == [instance]
    market.exchange.close()


def test_a_batch_that_has_begun_is_committed_before_another_program_can_write(
    tmp_path: Path,
) -> None:
    file = tmp_path / "market.db"
    market = Stoppable(file)
    market.exchange.group_commit = True
    play(market.exchange, (("V", "S"), sell(9)))
    meddler = sqlite3.connect(file, timeout=0, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        meddler.execute("BEGIN IMMEDIATE")
    play(market.exchange, (("V", "S"), sell(8)))
    market.exchange.commit()
    meddler.execute("BEGIN IMMEDIATE")
    meddler.close()
    before = state(market.exchange)
    market.stop()
    assert state(market.exchange) == before != []
    market.exchange.close()


def test_a_transaction_whose_change_did_not_come_ends_with_the_turn(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    with market.exchange.transaction():
        market.exchange._ledger.require_writable()
    with another_program_writes(tmp_path / "market.db"):
        pass
    market.exchange._ledger.require_writable()
    market.exchange.close()
    with another_program_writes(tmp_path / "market.db"):
        pass


def test_nobody_waits_longer_than_50_ms_for_another_program_and_only_once(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    market = Stoppable(file)
    connection = market.exchange._ledger.connection

    def patience() -> int:
        return int(connection.execute("PRAGMA busy_timeout").fetchone()[0])

    play(market.exchange, (("V", "S"), sell(9)))
    play(market.exchange, (("V", "S"), sell(9)))  # is in the journal, so that there is to flush
    assert patience() == 50
    with another_program_writes(file):
        market.exchange.flush()  # waits inside the lock, so that the next ones do not
        assert patience() == 0
        with pytest.raises(CannotWrite):
            play(market.exchange, (("V", "S"), sell(9)))
        assert patience() == 0
    market.exchange.flush()
    assert patience() == 50
    assert rows(file, "SELECT count(*) FROM orders") == [(2,)]
    market.exchange.close()


def test_closed_orders_stay_in_memory_until_the_tables_have_them(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db", bound=1)
    for act in (sell(1), buy(1), sell(1), buy(1)):
        play(market.exchange, (("V", "S"), act))
    before = state(market.exchange)
    with another_program_writes(tmp_path / "market.db"):
        market.flush()
        assert state(market.exchange) == before
    market.flush()
    assert market.exchange.book("V", "S").find(0) is None
    assert state(market.exchange) == before
    market.exchange.close()


def test_a_market_can_be_closed_while_another_program_writes(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    for _ in range(3):
        play(market.exchange, (("V", "S"), sell(9)))
    before = state(market.exchange)
    with another_program_writes(tmp_path / "market.db"):
        market.exchange.close()
    market.start()
    assert state(market.exchange) == before
    market.exchange.close()


def test_over_http_another_programs_transaction_is_503_for_as_long_as_it_lasts(
    tmp_path: Path,
) -> None:
    ledger, _ = open_ledger(str(tmp_path / "market.db"))
    client = Client(ledger=ledger)
    assert client.order().status == 200
    with another_program_writes(tmp_path / "market.db"):
        for _ in range(3):
            assert client.order().error == (503, CannotWrite.sentence)
        assert client("DELETE", f"{ORDERS}/0").error == (503, CannotWrite.sentence)
        assert client("GET", f"{ORDERS}/0").json["open"]
        assert client("GET", f"{ORDERS}/1").status == 404
    assert client.order().json["id"] == 1
    assert not client("DELETE", f"{ORDERS}/0").json["open"]
    ledger.close()


def test_an_exchange_that_is_closed_gives_no_turn_any_more(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    market.exchange.close()
    assert market.exchange.lock.locked()


def test_an_order_of_every_type_is_recorded_by_its_name(tmp_path: Path) -> None:
    market = Stoppable(tmp_path / "market.db")
    for order_type in OrderType:
        play(market.exchange, (("V", "S"), NewOrder("ann", Side.BUY, order_type, 5, 5)))
    market.flush()
    assert rows(tmp_path / "market.db", "SELECT type FROM orders ORDER BY id") == [
        ("limit",),
        ("market",),
        ("fill-or-kill",),
        ("immediate-or-cancel",),
    ]
    market.exchange.close()


def mode(file: Path) -> str:
    """What the file says of itself (SQLite file format, section 1.3)."""
    return {b"\x01\x01": "rollback", b"\x02\x02": "wal"}[file.read_bytes()[18:20]]


def test_a_clean_end_leaves_wal_mode_and_the_next_start_enters_it_again(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    market = Stoppable(file)
    for _ in range(2):
        play(market.exchange, (("V", "S"), sell(9)))
        before = state(market.exchange)
        assert market.exchange._ledger.connection.execute("PRAGMA journal_mode").fetchone() == (
            "wal",
        )
        market.exchange.close()
        assert mode(file) == "rollback"
        assert {path.name for path in tmp_path.iterdir()} == {"market.db", "market.db-lock"}
        market.start()
        assert state(market.exchange) == before
    market.exchange.close()


def test_a_file_that_somebody_else_has_open_stays_in_wal_mode(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    market = Stoppable(tmp_path / "market.db")
    play(market.exchange, (("V", "S"), sell(9)))
    before = state(market.exchange)
    reader = sqlite3.connect(tmp_path / "market.db")
    assert reader.execute("SELECT count(*) FROM orders").fetchone() == (1,)
    market.exchange.close()
    assert caplog.text.count("stays in WAL mode: database is locked") == 1
    assert reader.execute("SELECT count(*) FROM orders").fetchone() == (1,)
    reader.close()
    assert mode(tmp_path / "market.db") == "wal"
    market.start()
    assert state(market.exchange) == before
    market.exchange.close()
    assert mode(tmp_path / "market.db") == "rollback"
