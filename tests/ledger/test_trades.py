"""What a start reads of the past of each book, and how little that is."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from durable_market import Stoppable, buy, make_older, play, sell
from msgspec import structs

from disorderbook.accounts import Accounts
from disorderbook.assembly import CannotStart, MarketSettings, assemble
from disorderbook.engine.orders import Order
from disorderbook.errors import CannotWrite
from disorderbook.exchange import Exchange
from disorderbook.ledger import durable, trades
from disorderbook.ledger.base import StoredRun
from disorderbook.ledger.copies import back_up
from disorderbook.ledger.file import open_ledger
from disorderbook.ledger.location import Unusable
from disorderbook.ledger.runs import OldMarkets
from disorderbook.ledger.tables import HISTORIES, create_tables
from disorderbook.marketdata.history import RECENT_TRADES, SECOND, SPANS, History

PLACES = [("V", "S"), ("V", "T"), ("W", "S")]


class Remembering(Stoppable):
    """A market with a history that is restored at each start, and one that never is."""

    def __init__(self, file: Path) -> None:
        self.unbroken = History(0)
        super().__init__(file, clock=count(10**18, SECOND // 3).__next__)

    def start(self) -> None:
        self.ledger, self.market = open_ledger(self.file, bound=self.bound)
        self.history = History(0)
        publishers = [self.history.record, self.unbroken.record]
        self.exchange = Exchange(publishers=publishers, clock=self.clock, ledger=self.ledger)
        self.exchange.restore(self.market.books, self.market.latest)
        self.history.restore(self.market.pasts)
        self.ledger.keep_history(self.history.states)

    def seen(self, history: History, with_quotes: bool = False) -> list[Any]:
        """All that a history tells of the books; the best prices are stored with its states
        alone.
        """
        told = []
        for book in (book for v in self.exchange.venues() for book in self.exchange.books(v)):
            past = history.of(book)
            series = [past.series(span) for span in SPANS]
            blank = {} if with_quotes else {"bid": None, "ask": None}
            candles = [
                (each.width, [structs.replace(c, **blank) for c in each.since(0)])
                for each in series
            ]
            told.append((past.count, past.since, past.trades(0, RECENT_TRADES), candles))
        return told


def trade(market: Remembering, rounds: int, dice: random.Random) -> None:
    for _ in range(rounds):
        place, price = dice.choice(PLACES), dice.randint(45, 55)
        order = dice.choice([buy, sell])(dice.randint(1, 20), price=price)
        play(market.exchange, (place, order))
        if dice.random() < 0.05:
            market.flush()


@pytest.mark.parametrize("seed", range(2))
def test_a_history_is_the_same_after_stops_and_kills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(durable, "STORED_EACH", 10)
    dice, market = random.Random(seed), Remembering(tmp_path / "market.db")
    for number in range(6):
        trade(market, 60, dice)
        before = market.seen(market.history)
        assert before == market.seen(market.unbroken) and len(before) == len(PLACES)
        (market.stop if number % 3 == 2 else market.crash)()
        assert market.seen(market.history) == before
    assert max(told[0] for told in before) > 50
    market.exchange.close()


def test_the_whole_past_of_a_long_market_is_told_after_a_restart(tmp_path: Path) -> None:
    market = Remembering(tmp_path / "market.db")
    play(market.exchange, (PLACES[0], buy(1, price=1)))
    for _ in range(700):  # in as many seconds: more than a series has candles
        play(market.exchange, (PLACES[0], sell(1)))
        play(market.exchange, (PLACES[0], buy(1)))
    before = market.seen(market.history, with_quotes=True)
    market.stop()
    assert market.seen(market.history, with_quotes=True) == before
    [(number, _, told, candles)] = before
    assert {(c.bid, c.ask) for _, each in candles for c in each} == {(1, None), (1, 50)}
    assert number == 700 and len(told) == RECENT_TRADES and candles[2][0] > SECOND
    market.exchange.close()


def test_a_start_reads_no_trade_whose_state_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "STORED_EACH", 5)
    market = Remembering(tmp_path / "market.db")

    def trade_once() -> None:
        play(market.exchange, (PLACES[0], sell(1)))
        play(market.exchange, (PLACES[0], buy(1)))

    for read in (1, 2, 3, 4, 0, 1):  # which is known only once it is in the tables
        trade_once()
        market.flush()
        market.crash()
        assert [len(past.trades) for past in market.market.pasts] == [read]
    trade_once()
    market.stop()
    [past] = market.market.pasts
    assert past.trades == [] and past.state is not None and past.state.trades == 7
    market.exchange.close()


def test_what_a_start_reads_is_found_by_indexes() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        create_tables(connection)
        for query in (trades._NEWEST, trades._COUNT):
            values = ("V", "S", 0, 9)[: query.count("?")]
            plan = connection.execute(f"EXPLAIN QUERY PLAN {query}", values).fetchall()
            steps = [row[-1] for row in plan]
            assert all(step.startswith("SEARCH ") for step in steps), steps


def test_the_past_of_an_older_file_is_made_of_its_trades(tmp_path: Path) -> None:
    market = Remembering(tmp_path / "market.db")
    trade(market, 100, random.Random(4))
    before = market.seen(market.history)
    market.exchange.close()
    make_older(tmp_path / "market.db", 1)
    market.start()
    assert market.seen(market.history) == before
    market.crash()
    assert market.seen(market.history) == before
    market.exchange.close()


def test_of_a_long_older_file_the_oldest_trades_are_counted_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = Remembering(tmp_path / "market.db")
    trade(market, 100, random.Random(5))
    before = market.seen(market.history)
    market.exchange.close()
    make_older(tmp_path / "market.db", 1)
    monkeypatch.setattr(trades, "TRADES_READ", 7)
    market.start()
    for (number, _, told, _), (now, since, known, candles) in zip(
        before, market.seen(market.history), strict=True
    ):
        assert (now, known, since) == (number, told[-7:], told[-7].ts)
        assert [sum(c.trades for c in each) for _, each in candles] == [7, 7, 7]
    after = market.seen(market.history)
    market.stop()  # stores what is known
    assert market.seen(market.history) == after
    market.exchange.close()


def test_a_rollback_takes_trades_out_of_the_history(tmp_path: Path) -> None:
    settings = MarketSettings("V", "S", database=str(tmp_path / "market.db"))
    with assemble(settings, Accounts(), None) as services:
        exchange, history = services.exchange, services.history
        for _ in range(2):
            play(exchange, (PLACES[0], sell(1)))
            play(exchange, (PLACES[0], buy(1)))
        play(exchange, (PLACES[0], sell(1)))
        with pytest.raises(CannotWrite), exchange.transaction():
            exchange.submit(exchange.book("V", "S"), buy(1))
            assert history.of(exchange.book("V", "S")).count == 3
            exchange._ledger.roll_back()
        past = history.of(exchange.book("V", "S"))
        assert past.count == 2 and [each.number for each in past.trades(0, 9)] == [1, 2]
        assert [sum(c.trades for c in past.series(span).since(0)) for span in SPANS] == [2, 2, 2]


def test_the_history_of_a_closed_venue_is_deleted() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        create_tables(connection)
        for venue in ("V", "W"):
            values = dict(venue=venue, symbol="S", orders=1, trades=0, since="", state="{}")
            connection.execute(HISTORIES.insert(), HISTORIES.sign(values))
        run = StoredRun("V", "S", 1, "ann", "sell_side", "ME", 7, False, 0, None)
        OldMarkets(connection).look([run._replace(venue="W"), run._replace(ended_at=1)])
        assert connection.execute("SELECT venue FROM histories").fetchall() == [("W",)]


def change_state(file: Path, change: Callable[[str], str], signs: bool) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        row = connection.execute(f"SELECT {HISTORIES.all} FROM histories").fetchone()
        values = dict(zip(HISTORIES.names, row, strict=False))
        values["state"] = change(values["state"])
        connection.execute("DELETE FROM histories")
        written = HISTORIES.sign(values) if signs else (*values.values(), row[-1])
        connection.execute(HISTORIES.insert(), written)


def test_a_damaged_state_is_refused_and_not_copied(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    market = Remembering(file)
    trade(market, 20, random.Random(6))
    market.exchange.close()
    change_state(file, lambda state: state.replace("50", "51", 1), signs=False)
    with pytest.raises(Unusable, match="the checksum of a history is wrong"):
        market.start()
    with pytest.raises(Unusable, match="the checksum of a history is wrong"):
        back_up(str(file), str(tmp_path / "copy.db"))


@pytest.mark.parametrize("state", ["{}", "[[],{}]", '[[[1,2,3,"both"]],{}]', "", "[[],[]]"])
def test_a_state_that_makes_no_sense_is_refused_in_a_sentence(tmp_path: Path, state: str) -> None:
    file = tmp_path / "market.db"
    market = Remembering(file)
    play(market.exchange, (PLACES[0], sell(1)))
    play(market.exchange, (PLACES[0], buy(1)))
    market.exchange.close()
    change_state(file, lambda _: state, signs=True)
    with pytest.raises(CannotStart, match="A history in .*market.db makes no sense"):
        with assemble(MarketSettings(database=str(file)), Accounts(), None):
            pass


def test_a_trade_that_was_not_recorded_leaves_the_stored_state_alone(tmp_path: Path) -> None:
    market = Remembering(tmp_path / "market.db")
    play(market.exchange, (PLACES[0], sell(2)))
    play(market.exchange, (PLACES[0], buy(1)))
    market.stop()
    market.exchange.remove_publisher(market.history.record)  # as a signal may
    play(market.exchange, (PLACES[0], buy(1)))
    market.stop()
    assert market.seen(market.history) == market.seen(market.unbroken)
    assert isinstance(market.exchange.order("V", "S", 0), Order)
    market.exchange.close()
