"""What everything shares: times, names and the details of refusals."""

import json

import pytest

from disorderbook.protocol.names import (
    LONGEST_SHOWN,
    MAX_NAME_LENGTH,
    detail_header,
    detail_of,
    error_message,
    is_name,
    timestamp,
)


@pytest.mark.parametrize(
    "ts, text",
    [
        (1453070587123456789, "2016-01-17T22:43:07.123456789Z"),
        (1453070587000000001, "2016-01-17T22:43:07.000000001Z"),
        (0, "1970-01-01T00:00:00.000000000Z"),
    ],
)
def test_time_stamps_are_utc_with_nine_digits__difference_1(ts: int, text: str) -> None:
    assert timestamp(ts) == text


def test_a_refusal_is_an_envelope() -> None:
    assert json.loads(error_message("Nö\n")) == {"ok": False, "error": "Nö\n"}


@pytest.mark.parametrize(
    "name, is_one",
    [
        ("A", True),
        ("Ä b", True),
        ("x" * MAX_NAME_LENGTH, True),
        ("", False),
        ("a/b", False),
        ("a\nb", False),
        ("x" * (MAX_NAME_LENGTH + 1), False),
    ],
)
def test_a_name_can_be_printed_and_asked_for_in_a_url(name: str, is_one: bool) -> None:
    assert is_name(name) == is_one


def test_a_detail_is_ascii_and_cuts_its_value__difference_21() -> None:
    detail = detail_of("price", "é\r\n" * LONGEST_SHOWN, "a number")
    header = detail_header(detail)
    assert header.isascii() and header.isprintable() and json.loads(header) == detail
    assert detail.count("é") <= LONGEST_SHOWN < len(detail)
