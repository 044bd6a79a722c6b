"""The one way in which this project writes CSV (RFC 4180), for spreadsheets: numbers stay numbers,
and no text is one that a spreadsheet would take for a formula.

Whoever may name a venue, a stock or an account could otherwise have a formula run on the machine of
whoever opens the file.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

Cell = str | int | float | None

# What makes a spreadsheet take a cell for a formula (also as wide letters), and our mark itself.
_BEGIN_A_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20'")


def write_table(
    opened: TextIO,
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    quote_all_text: bool = False,
) -> None:
    """Write the lines of a table to a file, which must have been opened with `newline=""`."""
    opened.writelines(table_lines(columns, rows, quote_all_text))


def table_lines(
    columns: Sequence[str], rows: Iterable[Sequence[Cell]], quote_all_text: bool = False
) -> Iterator[str]:
    """The names of the columns, and the rows, each of whose texts is guarded; None is an empty
    cell. Text stands in quotes where it must, or always.
    """
    if quote_all_text:
        writer = csv.writer(_LineReturner(), quoting=csv.QUOTE_NONNUMERIC)
    else:
        writer = csv.writer(_LineReturner())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow(
            [without_formula(value) if isinstance(value, str) else value for value in row]
        )


class _LineReturner:
    """What `writerow` writes to, so that it returns the line: it returns what `write` does."""

    def write(self, line: str) -> str:
        return line


def without_formula(text: str) -> str:
    """A text with an apostrophe before it if a spreadsheet could run it, or if it begins with an
    apostrophe itself, so that the mark can be taken off again.

    Spreadsheets skip blanks and letters that cannot be seen before they look for a formula.
    """
    seen = next((x for x in text if x.isprintable() and not x.isspace()), "")
    return f"'{text}" if {text[:1], seen} & _BEGIN_A_FORMULA else text


def read_guarded(cell: str) -> str:
    """The text that `without_formula` has made a cell of."""
    return cell.removeprefix("'")
