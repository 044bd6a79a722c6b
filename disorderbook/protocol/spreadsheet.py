"""The one way in which this project writes CSV (RFC 4180), for spreadsheets: numbers stay numbers,
and no text is one that a spreadsheet would take for a formula.

Whoever may name a venue, a stock or an account could otherwise have a formula run on the machine of
whoever opens the file.
"""

import csv
from collections.abc import Iterable, Sequence
from typing import TextIO

# What makes a spreadsheet take a cell for a formula (also as wide letters), and our mark itself.
_BEGIN_A_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20'")


def write_table(
    opened: TextIO,
    columns: Sequence[str],
    rows: Iterable[Sequence[str | int | float | None]],
    quote_all_text: bool = False,
) -> None:
    """Write the names of the columns, and the rows, each of whose texts is guarded; None is an
    empty cell. The file must have been opened with `newline=""`. Text stands in quotes where it
    must, or always.
    """
    if quote_all_text:
        writer = csv.writer(opened, quoting=csv.QUOTE_NONNUMERIC)
    else:
        writer = csv.writer(opened)
    writer.writerow(columns)
    for row in rows:
        writer.writerow(
            [without_formula(value) if isinstance(value, str) else value for value in row]
        )


def without_formula(text: str) -> str:
    """A text with an apostrophe before it if a spreadsheet could run it, or if it begins with an
    apostrophe itself, so that the mark can be taken off again.

    Spreadsheets skip blanks and letters that cannot be seen before they look for a formula.
    """
    seen = next((x for x in text if x.isprintable() and not x.isspace()), "")
    return f"'{text}" if {text[:1], seen} & _BEGIN_A_FORMULA else text
