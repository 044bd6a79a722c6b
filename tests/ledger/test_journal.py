"""What is command is written down, and command again."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from disorderbook.engine.book import OrderBook, Outcome
from disorderbook.engine.orders import LIMIT, SELL, NewOrder, OrderType, Side, Terms
from disorderbook.ledger.journal import (
    Cancellation,
    Changes,
    Command,
    Journal,
    Placement,
    PlacementOnTerms,
    entries,
    placement,
    replay,
)
from disorderbook.ledger.tables import Damaged, create_tables

COMMANDS: list[list[Command]] = [
    [Placement("V", "S", 0, 5, "ann\0ü", Side.SELL, OrderType.LIMIT, 50, 9)],
    [
        Placement("V", "S", 1, 6, "bob", Side.BUY, OrderType.MARKET, 0, 2**31 - 1),
        Cancellation("V", "S", 0, 2**62),
        PlacementOnTerms("V", "S", 2, 7, "cy", Side.SELL, OrderType.LIMIT, 5, 9, Terms(3, 5, -2)),
    ],
]


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        create_tables(connection)
        yield connection


def test_entries_are_read_as_they_were_written(connection: sqlite3.Connection) -> None:
    journal = Journal(connection, last=7)
    for command in COMMANDS:
        journal.append(command)
    assert list(entries(connection, 7)) == COMMANDS and journal.last == 9
    journal.clear()
    assert list(entries(connection, 9)) == [] and journal.last == 9
    journal.append(COMMANDS[0])
    assert list(entries(connection, 9)) == COMMANDS[:1]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM journal WHERE number = 1",
        "UPDATE journal SET checksum = 1 WHERE number = 2",
        "UPDATE journal SET commands = x'00' WHERE number = 2",
        "UPDATE journal SET number = 9 WHERE number = 2",
        "UPDATE journal SET commands = 'text'",
    ],
)
def test_an_entry_that_is_missing_or_changed_is_noticed(
    connection: sqlite3.Connection,
    damage: str,
) -> None:
    journal = Journal(connection, last=0)
    for command in COMMANDS:
        journal.append(command)
    connection.execute(damage)
    with pytest.raises(Damaged, match="is missing or wrong"):
        list(entries(connection, 0))


def test_what_makes_no_sense_is_noticed_even_with_the_right_checksum(
    connection: sqlite3.Connection,
) -> None:
    journal = Journal(connection, last=0)
    journal.append([("nonsense",)])  # type: ignore[list-item]
    with pytest.raises(Damaged, match="makes no sense"):
        list(entries(connection, 0))


def test_a_replay_leads_to_the_same_book() -> None:
    book, changes = OrderBook("V", "S", 1), Changes()
    for command in (
        *COMMANDS[0],
        Placement("V", "S", 1, 6, "bob", Side.BUY, OrderType.LIMIT, 50, 2),
    ):
        replay(command, {("V", "S"): book}, changes)
    first, second = book.find(0), book.find(1)
    assert first and second and (first.remaining, second.is_open) == (7, False)
    assert placement(Outcome(second, [])) == command and book.quote_time == 6
    replay(Cancellation("V", "S", 0, 8), {("V", "S"): book}, changes)
    assert not first.is_open and book.quote_time == 8
    [changed] = changes.books.values()
    assert changed.orders == {0: first, 1: second} and changes.size == 4
    assert list(changed.accounts) == ["ann\0ü", "bob"] and len(changed.executions) == 1


@pytest.mark.parametrize(
    "command",
    [
        Placement("V", "ELSE", 0, 5, "ann", Side.SELL, OrderType.LIMIT, 50, 9),
        Placement("V", "S", 1, 5, "ann", Side.SELL, OrderType.LIMIT, 50, 9),
        Cancellation("V", "S", 0, 5),
    ],
)
def test_what_the_book_could_not_have_done_is_noticed(command: Command) -> None:
    with pytest.raises(Damaged):
        replay(command, {("V", "S"): OrderBook("V", "S", 1)}, Changes())


def test_a_placement_has_the_terms_that_were_in_force_if_there_were_any() -> None:
    new = NewOrder("ann", SELL, LIMIT, 50, 9)
    for terms, kind in (
        (None, Placement),
        (Terms(), Placement),
        (Terms(0), PlacementOnTerms),
        (Terms(maker_fee=-1), PlacementOnTerms),
        (Terms(most=4, taker_fee=100, maker_fee=50), PlacementOnTerms),
    ):
        first, second = OrderBook("V", "S", 1), OrderBook("V", "S", 1)
        commands: list[Command] = []
        bid = NewOrder("bob", Side.BUY, LIMIT, 50, 5)
        for ts, each in enumerate((bid, new), 2):
            commands.append(placement(first.submit(each, ts, terms if each is new else None)))
        assert type(commands[-1]) is kind
        for command in commands:
            replay(command, {("V", "S"): second}, Changes())
        told = [
            (book.quote(), [(p.account, p.cash, p.fees) for p in book.position_list], book.find(1))
            for book in (first, second)
        ]
        assert str(told[0]) == str(told[1])
