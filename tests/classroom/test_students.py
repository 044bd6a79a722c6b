"""Lists of names as spreadsheets write them, and those that leave a doubt."""

from pathlib import Path

import pytest

from disorderbook.classroom.students import (
    MOST_LIST_BYTES,
    checked_name,
    numbered_names,
    read_names,
)

LONGEST = "W" * 255


def names(
    folder: Path, content: bytes | str, most: int = 100, taken: tuple[str, ...] = ()
) -> list[str]:
    path = folder / "names.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_names(path, most, taken)


@pytest.mark.parametrize(
    "content, expected",
    [
        ("ADA\nGRACE\n", ["ADA", "GRACE"]),
        ("ADA\r\n\r\n  GRACE  \r\n", ["ADA", "GRACE"]),
        ("Name\nADA\n", ["ADA"]),
        ("Nr;NAME;Class\n1;Jürgen Groß;10a\n2;Zoë;10b\n", ["Jürgen Groß", "Zoë"]),
        ("name\tclass\nADA\tx\n", ["ADA"]),
        ('Student,Class\n"Lovelace, Ada",10a\n', ["Lovelace, Ada"]),
        ('"O\'Hara ""Bob"" <b>"\n', ['O\'Hara "Bob" <b>']),
        ("\ufeffName\nJürgen\n", ["Jürgen"]),
        ("Name\nJürgen\n".encode("utf-16"), ["Jürgen"]),
        ("Name;Class\nŁukasz;1\n".encode("utf-16-le"), ["Łukasz"]),
        ("Name;Class\nŁukasz;1\n".encode("utf-16-be"), ["Łukasz"]),
        ("Name\nJürgen Groß\n".encode("cp1252"), ["Jürgen Groß"]),
        ("Ju\u0308rgen\n", ["J\u00fcrgen"]),  # as macOS writes it
        (f"{LONGEST}\n", [LONGEST]),
    ],
)
def test_names_are_read(tmp_path: Path, content: bytes | str, expected: list[str]) -> None:
    assert names(tmp_path, content) == expected


@pytest.mark.parametrize(
    "content, sentence",
    [
        ("", "names nobody"),
        ("Name\n\n", "names nobody"),
        ("ADA\nGRACE\nADA\n", "in line 3 the name 'ADA', which is also that of line 1"),
        ("ADA\nada\n", "in line 2 the name 'ada', which is also that of line 1"),
        ("MAKERBOTS\n", "an account 'MAKERBOTS' that is there already"),
        ("Nr;Name\n1;ADA\n2;\n", "in line 3 a name that is empty"),
        ("Nr;Name\n1;ADA\n2\n", "in line 3 a name that is empty"),
        (LONGEST + "W\n", "in line 1 a name of 256 characters, and at most 255 are possible"),
        ("A\x07B\n", "a name that no account can have: 'A\\\\x07B'"),
        ("..\n", "a name that no account can have: '..'"),
        ("A/B\n", "a name that no account can have: 'A/B'"),
        ("Lovelace, Ada\n", "has 2 columns, and none of them is called name"),
        ("A\nB\nC\nD\n", "has 4 names, and the class has 3 students"),
        (b"\xff\xfeA", "is no text in UTF-8, UTF-16 or Windows-1252"),
        (b"A\x81\n", "is no text in UTF-8, UTF-16 or Windows-1252"),
        ("A" * (MOST_LIST_BYTES + 1), "has more than 1 MiB"),
        ('"' + "A" * 200_000, "is no CSV file"),
    ],
)
def test_doubtful_names_are_refused_in_a_sentence(
    tmp_path: Path, content: bytes | str, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence) as refused:
        names(tmp_path, content, 3, ("MAKERBOTS",))
    said = str(refused.value)
    assert said.startswith(str(tmp_path / "names.csv")) and "\n" not in said and len(said) < 400


def test_a_late_student_is_named_by_the_same_rules() -> None:
    assert checked_name("  Jürgen ", ["ADA"]) == "Jürgen"
    for name in ("", "ada", "A" * 256, "A/B", "."):
        with pytest.raises(ValueError):
            checked_name(name, ["ADA"])


def test_numbers_are_as_long_as_they_must_be() -> None:
    assert numbered_names(2) == ["STUDENT01", "STUDENT02"]
    assert numbered_names(100)[0] == "STUDENT001"
