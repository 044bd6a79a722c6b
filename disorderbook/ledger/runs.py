"""Levels in a ledger: what a start reads of them, and the markets of runs that are not kept.

The rule: each run that ever began has a row, so that no venue's name is used again. Of a player's
runs that have ended the newest MARKETS_KEPT keep their orders and trades; those of older ones are
deleted a few at a time, the row of the book last, so that an interrupted exchange goes on with it.
"""

import sqlite3
from collections import deque
from collections.abc import Iterable

from disorderbook.ledger.base import StartCount, StoredGame, StoredRun
from disorderbook.ledger.journal import Changes
from disorderbook.ledger.tables import (
    RESULTS,
    RUNS,
    STATES,
    WRITE_RUN,
    Damaged,
    read_result,
    read_run,
    read_state,
)

MARKETS_KEPT = 20  # of a player's runs that have ended, the newest
RESULTS_KEPT = 10_000  # the newest
STARTS_READ = 10_000  # of players in levels, those that have played last
DELETED_AT_ONCE = 400  # rows of a table

_STATES = f"SELECT {STATES.all} FROM instance_states ORDER BY id"
_RESULTS = f"SELECT {RESULTS.all} FROM results ORDER BY number DESC LIMIT {RESULTS_KEPT}"
_OLD_RESULTS = (
    f"DELETE FROM results WHERE number <= (SELECT max(number) FROM results) - {RESULTS_KEPT}"
)
_STARTS = f"""
    SELECT player, level, count(*) FROM runs GROUP BY player, level
    ORDER BY max(number) DESC LIMIT {STARTS_READ}
"""
_OLD_MARKETS = f"""
    SELECT {RUNS.all} FROM runs WHERE player = ? AND has_market AND ended IS NOT NULL
    ORDER BY number DESC LIMIT -1 OFFSET {MARKETS_KEPT}
"""
_UNWANTED = """
    SELECT b.venue FROM books AS b JOIN runs AS r ON r.venue = b.venue WHERE NOT r.has_market
"""
_DELETE_EXECUTIONS = """
    DELETE FROM executions WHERE number IN (
        SELECT number FROM executions INDEXED BY executions_by_standing WHERE venue = ? LIMIT ?
    )
"""
_DELETE_ORDERS = """
    DELETE FROM orders WHERE (venue, symbol, id) IN (
        SELECT venue, symbol, id FROM orders WHERE venue = ? LIMIT ?
    )
"""


def load_game(connection: sqlite3.Connection, changes: Changes) -> StoredGame:
    """The levels as the tables have them, with the states that the journal has; raises Damaged."""
    states = {state.id: state for state in map(read_state, connection.execute(_STATES))}
    states |= changes.states
    instances = {number for (number,) in connection.execute("SELECT id FROM instances")}
    if not instances.issuperset(states):
        raise Damaged("an instance is missing of which there is a state")
    results = [read_result(row) for row in connection.execute(_RESULTS)]
    starts = [StartCount(*row) for row in connection.execute(_STARTS)]
    runs = map(read_run, connection.execute(f"SELECT {RUNS.all} FROM runs"))
    closed = [run.venue for run in runs if run.ended_at is not None]
    return StoredGame(list(states.values()), closed, results[::-1], starts[::-1])


class OldMarkets:
    """The markets that are to be deleted. All within the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._venues = deque(venue for (venue,) in connection.execute(_UNWANTED))

    def __len__(self) -> int:
        return len(self._venues)

    def look(self, runs: Iterable[StoredRun]) -> None:
        """Find those that are not kept now that these runs have ended."""
        ended = [run for run in runs if run.ended_at is not None]
        venues = [(run.venue,) for run in ended]
        self._connection.executemany("DELETE FROM histories WHERE venue = ?", venues)
        for player in {run.player for run in ended}:
            for row in self._connection.execute(_OLD_MARKETS, (player,)).fetchall():
                run = read_run(row)._replace(has_market=False)
                self._connection.execute(WRITE_RUN, RUNS.row(run))
                self._venues.append(run.venue)

    def delete_some(self) -> int:
        """Delete some rows of one of them; returns how many books are gone with that."""
        if not self._venues:
            return 0
        place = self._venues[0], DELETED_AT_ONCE
        deleted = [
            self._connection.execute(statement, place).rowcount
            for statement in (_DELETE_EXECUTIONS, _DELETE_ORDERS)
        ]
        if max(deleted) == DELETED_AT_ONCE:
            return 0
        venue = self._venues.popleft()
        self._connection.execute("DELETE FROM positions WHERE venue = ?", (venue,))
        return self._connection.execute("DELETE FROM books WHERE venue = ?", (venue,)).rowcount


def delete_old_results(connection: sqlite3.Connection) -> None:
    """Keep the newest RESULTS_KEPT, within the caller's transaction."""
    connection.execute(_OLD_RESULTS)
