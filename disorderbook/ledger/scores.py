"""The scores of a market in its file: what accounts were worth over time, and what is frozen.

Samples are no commands: nothing follows from them, so they are not in the journal, and a kill loses
those since the last flush. The rule: the samples of a venue are those of one step; where the step
changes, they are all written anew.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from disorderbook.ledger.base import SampleChanges, StoredFreeze, StoredScores
from disorderbook.ledger.tables import (
    FREEZES,
    SAMPLES,
    SCORERS,
    WRITE_FREEZE,
    WRITE_SAMPLE,
    WRITE_SCORER,
    Table,
    read_freeze,
    read_sample,
    read_scorer,
)


def load_scores(connection: sqlite3.Connection) -> StoredScores:
    """Raises Damaged or sqlite3.Error."""
    return StoredScores(
        [*map(read_scorer, _rows(connection, SCORERS, "venue, number"))],
        [*map(read_sample, _rows(connection, SAMPLES, "venue, slot"))],
        [*map(read_freeze, _rows(connection, FREEZES, "ts, venue"))],
    )


def _rows(connection: sqlite3.Connection, table: Table, order: str) -> Sequence[tuple[object, ...]]:
    query = f"SELECT {table.all} FROM {table.name} ORDER BY {order}"
    return connection.execute(query).fetchall()


def write_samples(connection: sqlite3.Connection, changes: Iterable[SampleChanges]) -> None:
    """Write what has changed, in this order, within the caller's transaction."""
    for each in changes:
        if each.is_anew:
            connection.execute("DELETE FROM score_samples WHERE venue = ?", (each.venue,))
        connection.executemany(WRITE_SCORER, map(SCORERS.row, each.scorers))
        connection.executemany(WRITE_SAMPLE, map(SAMPLES.row, each.samples))


def write_freezes(
    connection: sqlite3.Connection, freezes: Mapping[str, StoredFreeze | None]
) -> None:
    """Write which venues are frozen now, and which are not any more, by venue."""
    gone = [(venue,) for venue, freeze in freezes.items() if freeze is None]
    connection.executemany("DELETE FROM frozen_scores WHERE venue = ?", gone)
    connection.executemany(WRITE_FREEZE, map(FREEZES.row, filter(None, freezes.values())))
