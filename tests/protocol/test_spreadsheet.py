"""CSV as spreadsheets read it: no text is a formula, whatever its column."""

import csv
import io

import pytest

from disorderbook.protocol.spreadsheet import without_formula, write_table

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "\u00a0=1",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff201",
    "'=1",
    "\ufeff=1",
    "\x00=1",
    "\u200b =1",
    "\tx",
]
HARMLESS = [
    '"',
    '","',
    "a\r\nb",
    "a;=1+1",
    "a,b",
    "B\u00f6rse",
    "\x00",
    "a=1",
    "\u2028",
    " ",
    "1",
    "",
]


def written(*rows: list[str | int | float | None], quote_all_text: bool = False) -> str:
    text = io.StringIO(newline="")
    write_table(text, ["a", "b"], rows, quote_all_text)
    return text.getvalue()


@pytest.mark.parametrize("text", FORMULAS)
def test_what_could_be_a_formula_is_marked(text: str) -> None:
    assert without_formula(text) == "'" + text


@pytest.mark.parametrize("text", HARMLESS)
def test_what_could_not_stays_as_it_is(text: str) -> None:
    assert without_formula(text) == text


@pytest.mark.parametrize("text", FORMULAS + HARMLESS)
@pytest.mark.parametrize("quote_all_text", [False, True])
def test_a_text_is_guarded_in_any_column_and_read_as_one_cell(
    text: str, quote_all_text: bool
) -> None:
    table = written([text, 1], [1, text], quote_all_text=quote_all_text)
    rows = list(csv.reader(io.StringIO(table, newline="")))
    assert rows == [["a", "b"], [without_formula(text), "1"], ["1", without_formula(text)]]


def test_numbers_are_never_quoted() -> None:
    rows: list[list[str | int | float | None]] = [["x", -7], [None, 0.5]]
    assert written(*rows) == "a,b\r\nx,-7\r\n,0.5\r\n"
    assert written(*rows, quote_all_text=True) == '"a","b"\r\n"x",-7\r\n"",0.5\r\n'
