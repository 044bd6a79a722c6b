"""How an exchange is put together; the tests of cli and of serve() use it whole."""

import os
import socket
import sqlite3
from pathlib import Path

import pytest
from raw_http import wait_until

from disorderbook import assembly
from disorderbook.accounts import Accounts
from disorderbook.assembly import (
    OWN_SERVER,
    CannotStart,
    MarketSettings,
    assemble,
    first_book,
    make_server,
    running_tape,
)
from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.errors import CannotWrite
from disorderbook.exchange import Exchange
from disorderbook.protocol.names import HOST


def test_the_first_book_is_open_from_the_start() -> None:
    with assemble(MarketSettings("NYSE", "ACME"), Accounts(), None) as services:
        assert [book.symbol for book in services.exchange.books("NYSE")] == ["ACME"]


def test_a_market_in_a_file_goes_on_where_it_was_left(tmp_path: Path) -> None:
    settings = MarketSettings(database=str(tmp_path / "market.db"))
    with assemble(settings, Accounts(), None) as services:
        with services.exchange.transaction():
            opened_at = services.exchange.book("TESTEX", "OTHER").opened_at
    with assemble(settings, Accounts(), None) as services:
        found = services.exchange.find_book("TESTEX", "OTHER")
        assert found is not None and found.opened_at == opened_at


def test_what_is_no_database_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "market.db").write_text("no database")
    with pytest.raises(CannotStart, match="is no database"):
        with assemble(MarketSettings(database=str(tmp_path / "market.db")), Accounts(), None):
            pass


def test_a_taken_port_of_the_tape_is_refused_in_a_sentence() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"Cannot listen on port {port}: Address already"):
            with running_tape(Accounts(), port, 512, MarketSettings().origins):
                pass


def test_a_market_that_has_books_gets_no_other_unless_it_is_asked_for(tmp_path: Path) -> None:
    file = str(tmp_path / "market.db")
    with assemble(MarketSettings("NYSE", "ACME", database=file), Accounts(), None):
        pass
    full = MarketSettings(database=file, max_books=1)
    with assemble(full, Accounts(), None) as services:
        assert list(services.exchange.venues()) == ["NYSE"]
        assert first_book(services.exchange, full).symbol == "ACME"
    with pytest.raises(CannotStart, match="Cannot open FOOBAR at TESTEX: Book limit"):
        with assemble(full._replace(venue="TESTEX"), Accounts(), None):
            pass
    with assemble(MarketSettings(symbol="ACME", database=file), Accounts(), None) as services:
        assert list(services.exchange.venues()) == ["NYSE", "TESTEX"]


@pytest.mark.parametrize("private, mode", [(True, 0o600), (False, 0o644)])
def test_with_accounts_the_files_of_a_market_are_their_owners(
    tmp_path: Path,
    private: bool,
    mode: int,
) -> None:
    before = os.umask(0o022)
    try:
        settings = MarketSettings(database=str(tmp_path / "market.db"), private=private)
        with assemble(settings, Accounts(), None):
            names = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert names == dict.fromkeys(
        ["market.db", "market.db-wal", "market.db-shm", "market.db-lock"], mode
    )


def test_an_idle_market_is_in_its_tables_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assembly, "UPKEEP_SECONDS", 0.01)
    with assemble(MarketSettings(database=str(tmp_path / "market.db")), Accounts()) as services:
        exchange = services.exchange
        with exchange.transaction():
            book = exchange.book("TESTEX", "FOOBAR")
            for _ in range(3):
                exchange.submit(book, NewOrder("A", Side.BUY, OrderType.LIMIT, 5000, 9))
        reader = sqlite3.connect(tmp_path / "market.db")
        assert wait_until(lambda: reader.execute("SELECT count(*) FROM orders").fetchone() == (3,))
        assert reader.execute("SELECT count(*) FROM journal").fetchone() == (0,)
        reader.close()


def test_what_the_ledger_has_logged_is_not_logged_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[Exchange] = []

    def refuse(exchange: Exchange) -> None:
        calls.append(exchange)
        raise CannotWrite

    monkeypatch.setattr(assembly, "UPKEEP_SECONDS", 0.001)
    monkeypatch.setattr(Exchange, "flush", refuse)
    with assemble(MarketSettings(), Accounts()):
        assert wait_until(lambda: len(calls) >= 3)
    assert caplog.text == ""


@pytest.mark.parametrize("in_file", [True, False])
def test_our_server_commits_for_a_market_in_a_file_alone(tmp_path: Path, in_file: bool) -> None:
    settings = MarketSettings(database=str(tmp_path / "market.db") if in_file else None)
    server = make_server(OWN_SERVER, 0)
    try:
        with assemble(settings, Accounts(), None, server) as services:
            assert services.exchange.group_commit is in_file
            assert (server.commit is not None) is in_file
    finally:
        server.close()
