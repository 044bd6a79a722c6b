"""Names as tokens of NATS subjects, and back."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disorderbook.nats.subjects import EXECUTION, QUOTE, TRADE, book_subject, token
from disorderbook.protocol.names import MAX_NAME_LENGTH

NAMES = st.text(min_size=1, max_size=MAX_NAME_LENGTH)


@given(NAMES)
def test_a_name_is_one_token_that_nats_carries_and_can_be_read_back(name: str) -> None:
    text = token(name)
    assert re.fullmatch(r"[!-~]+", text) and not re.search(r"[.*>]", text)
    assert unquote(text, errors="surrogatepass") == name


def test_a_lone_surrogate_can_be_carried() -> None:
    assert token("a\ud800b") == "a%ED%A0%80b"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("TESTEX", "TESTEX"),
        ("A.B", "A%2EB"),
        ("*", "%2A"),
        (">", "%3E"),
        ("50%", "50%25"),
        ("a b\tc\r\n", "a%20b%09c%0D%0A"),
        ("Börse", "B%C3%B6rse"),
        ("$SYS:/!~_-", "$SYS:/!~_-"),
    ],
)
def test_what_has_a_meaning_is_encoded_and_the_rest_is_left(name: str, expected: str) -> None:
    assert token(name) == expected


def test_subjects_say_venue_stock_and_kind() -> None:
    assert book_subject(QUOTE, "A.B", "C") == "disorderbook.A%2EB.C.quote"
    assert book_subject(TRADE, "A", "C D") == "disorderbook.A.C%20D.trade"
    assert book_subject(EXECUTION, "A", "C", "x>") == "disorderbook.A.C.execution.x%3E"
