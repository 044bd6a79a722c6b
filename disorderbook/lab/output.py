"""The files of a trial: its summary, and the program's fills, orders and curves as CSV.

The rule: the files replace those of an earlier trial all at once, when all of them are whole. The
columns of orders are those that an export of a market has, behind the seed; prices and values are
cents, as there.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import TextIO, overload

from disorderbook.engine.orders import BUY, SIDE_NAMES, Order
from disorderbook.lab.measures import curve
from disorderbook.lab.record import RunRecord, packed, unpacked
from disorderbook.ledger.location import MODE, replacements
from disorderbook.ledger.tables import ORDERS
from disorderbook.protocol.names import timestamp
from disorderbook.protocol.spreadsheet import Cell, table_lines

SUMMARY = "summary.json"
FILL_COLUMNS = ["seed", "number", "order", "side", "price", "quantity", "ts", "is_take", "shares"]
ORDER_COLUMNS = ["seed", *ORDERS.names]
CURVE_COLUMNS = ["seed", "ts", "nav", "shares", "price"]
TABLES = {"fills.csv": FILL_COLUMNS, "orders.csv": ORDER_COLUMNS, "pnl.csv": CURVE_COLUMNS}
FILES = (SUMMARY, *TABLES)


class TrialFiles:
    """Files that grow by each run."""

    def __init__(self, summary: Path, tables: Sequence[TextIO]) -> None:
        self._summary = summary
        self._fills, self._orders, self._curves = tables
        for opened, columns in zip(tables, TABLES.values(), strict=True):
            opened.writelines(table_lines(columns, []))

    def add(self, record: RunRecord) -> None:
        """Write what the program of a run did."""
        own = [order for order in record.orders if order.account == record.account]
        _append(self._orders, ([record.seed, *ORDERS.row(order)[:-1]] for order in own))
        _append(self._fills, ([record.seed, *row] for row in _fill_rows(own)))
        columns = curve(record)
        rows = zip(columns.times, columns.nav, columns.shares, columns.price, strict=True)
        _append(self._curves, ([record.seed, timestamp(ts), *row] for ts, *row in rows))

    def finish(self, summary: bytes) -> None:
        """Write the summary, too."""
        self._summary.write_bytes(summary)


class PackedRecords(Sequence[RunRecord]):
    """Records that are kept packed, and unpacked whenever one is looked at."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []

    def add(self, record: RunRecord) -> None:
        """Keep one more. Raises ValueError for one that is too large."""
        self._packed.append(packed(record))

    def __len__(self) -> int:
        return len(self._packed)

    @overload
    def __getitem__(self, which: int) -> RunRecord: ...

    @overload
    def __getitem__(self, which: slice) -> list[RunRecord]: ...

    def __getitem__(self, which: int | slice) -> RunRecord | list[RunRecord]:
        if isinstance(which, int):
            return unpacked(self._packed[which])
        return [unpacked(each) for each in self._packed[which]]


@contextmanager
def trial_files(folder: str) -> Iterator[TrialFiles]:
    """The files of a trial in a folder, which is made if need be; they have their names after the
    block, and none has if it fails. Raises Unusable for a name that is no file's, and OSError.
    """
    with replacements(folder, FILES, MODE) as (summary, *tables), ExitStack() as opened:
        files = [
            opened.enter_context(path.open("w", newline="", encoding="utf-8")) for path in tables
        ]
        yield TrialFiles(summary, files)
        opened.close()  # before the files have their names


def _append(opened: TextIO, rows: Iterator[list[Cell]]) -> None:
    lines = table_lines([], rows)
    next(lines)  # the names of no columns
    opened.writelines(lines)


def _fill_rows(orders: Sequence[Order]) -> Iterator[list[Cell]]:
    """The account's fills by time, from 1, and the shares held after each order that traded."""
    fills = [(fill.ts, order.id, fill, order) for order in orders for fill in order.fills]
    fills.sort(key=lambda each: each[:2])
    held: dict[int, int] = {}
    shares = 0
    for ts, _, fill, order in fills:
        shares += fill.quantity if order.side is BUY else -fill.quantity
        held[ts] = shares
    for number, (ts, order_id, fill, order) in zip(count(1), fills, strict=False):
        side, is_take = SIDE_NAMES[order.side], int(ts == order.ts)
        yield [
            number,
            order_id,
            side,
            fill.price,
            fill.quantity,
            timestamp(ts),
            is_take,
            held[ts],
        ]
