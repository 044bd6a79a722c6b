"""Who is in the class: names out of a spreadsheet, or numbers.

The rule: a list that leaves any doubt about who is meant is refused in one sentence, which names
the line. A name is an account's name, so it may be in any script.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from disorderbook.protocol.names import MAX_NAME_LENGTH, is_name

MOST_STUDENTS = 500
MOST_LIST_BYTES = 1 << 20  # of a list of names
TITLES = {"name", "names", "student", "students", "account", "accounts"}  # of the column
DELIMITERS = ",;\t"
UNNAMEABLE = (".", "..")  # parts of a URL's path that have a meaning of their own


class ListedName(NamedTuple):
    """A name, and the line of the list where it stands."""

    line: int
    name: str


def numbered_names(count: int) -> list[str]:
    """STUDENT01, STUDENT02 and so on."""
    width = max(2, len(str(count)))
    return [f"STUDENT{number:0{width}}" for number in range(1, count + 1)]


def read_names(path: Path, most: int = MOST_STUDENTS, taken: Iterable[str] = ()) -> list[str]:
    """The names of a CSV file: its only column, or the one that is called name. It may be in UTF-8,
    UTF-16 or Windows-1252, its values divided by commas, semicolons or tabs. `taken` are accounts
    that are there already. Raises OSError, or ValueError with a sentence that begins with the path.
    """
    with path.open("rb") as file:
        content = file.read(MOST_LIST_BYTES + 1)
    if len(content) > MOST_LIST_BYTES:
        raise ValueError(f"{path} has more than {MOST_LIST_BYTES >> 20} MiB, which is no list")
    listed = list(_listed(path, _rows(path, _text(path, content))))
    if not listed:
        raise ValueError(f"{path} names nobody")
    if len(listed) > most:
        raise ValueError(f"{path} has {len(listed)} names, and the class has {most} students")
    seen = {_compared(name): f"an account {name!r} that is there already" for name in taken}
    for line, name in listed:
        _check(f"{path} has in line {line} a name", name)
        if _compared(name) in seen:
            raise ValueError(
                f"{path} has in line {line} the name {name!r:.60}, which is also "
                f"{seen[_compared(name)]}: give each a name of its own"
            )
        seen[_compared(name)] = f"that of line {line}"
    return [name for _, name in listed]


def checked_name(text: str, taken: Iterable[str]) -> str:
    """A name for one more student; raises ValueError with a sentence."""
    name = _cleaned(text)
    _check("The student would have a name", name)
    if _compared(name) in map(_compared, taken):
        raise ValueError(f"There is an account {name!r:.60} already: give each a name of its own")
    return name


def _check(said: str, name: str) -> None:
    """Raise ValueError for what no account can be called; the sentence begins with `said`."""
    if not name:
        raise ValueError(f"{said} that is empty")
    if len(name) > MAX_NAME_LENGTH:
        raise ValueError(
            f"{said} of {len(name)} characters, and at most {MAX_NAME_LENGTH} are possible"
        )
    if not is_name(name) or name in UNNAMEABLE:
        raise ValueError(f"{said} that no account can have: {name!r:.60}")


def _compared(name: str) -> str:
    """Names that differ in this alone would be taken for each other on the projector."""
    return unicodedata.normalize("NFKC", name).casefold()


def _cleaned(text: str) -> str:
    """A name without blanks around it and with one code point for a letter, where there is one."""
    return unicodedata.normalize("NFC", " ".join(text.split(" "))).strip()


def _text(path: Path, content: bytes) -> str:
    """What a spreadsheet has written; raises ValueError for what is no text."""
    encoding = "utf-8-sig"
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif b"\0" in content[:2]:
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252") if encoding == "utf-8-sig" else _fail(path)
    except UnicodeDecodeError:
        return _fail(path)


def _fail(path: Path) -> str:
    raise ValueError(f"{path} is no text in UTF-8, UTF-16 or Windows-1252: save it as CSV in UTF-8")


def _rows(path: Path, text: str) -> list[tuple[int, list[str]]]:
    """The rows that are not blank, each with its line; raises ValueError."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = [(reader.line_num, [_cleaned(cell) for cell in row]) for row in reader]
    except csv.Error as fault:
        raise ValueError(f"{path} is no CSV file: {fault} in line {reader.line_num}") from None
    return [(line, row) for line, row in rows if any(row)]


def _listed(path: Path, rows: Sequence[tuple[int, list[str]]]) -> Iterator[ListedName]:
    """The names, without the title of their column; raises ValueError."""
    if not rows:
        return
    titles = [cell.casefold() for cell in rows[0][1]]
    column = next((number for number, title in enumerate(titles) if title in TITLES), None)
    widest = max(len(row) for _, row in rows)
    if column is None and widest > 1:
        raise ValueError(
            f"{path} has {widest} columns, and none of them is called name in its first line"
        )
    for line, row in rows[column is not None :]:
        yield ListedName(line, row[column or 0] if len(row) > (column or 0) else "")
