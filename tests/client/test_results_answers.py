"""From bytes to a result, or to the reason why there is none."""

import traceback

import pytest

from disorderbook.client.results import ExchangeUnreachable, Orders, Quote, Refused, read


def test_a_good_answer_is_a_result() -> None:
    assert read(b'{"ok":true,"venue":"V","orders":[]}', Orders, "there", 200).orders == ()


def test_a_refusal_has_the_sentence_and_the_status() -> None:
    with pytest.raises(Refused) as refusal:
        read(b'{"ok":false,"error":"Book limit exceeded!"}', Orders, "there", 400)
    assert (refusal.value.sentence, refusal.value.status) == ("Book limit exceeded!", 400)


@pytest.mark.parametrize(
    "header, detail",
    [
        (r'"qty is \u0022\u00fc\r\n; allowed: 1"', 'qty is "ü\r\n; allowed: 1'),
        (None, None),
        ("", None),
        ("qty is 0", None),
        ("5", None),
    ],
)
def test_a_refusal_has_the_detail_of_the_header(header: str | None, detail: str | None) -> None:
    with pytest.raises(Refused) as refusal:
        read(b'{"ok":false,"error":"No"}', Orders, "there", 400, header)
    assert refusal.value.detail == detail and str(refusal.value) == "No"
    shown = "".join(traceback.format_exception_only(refusal.value))
    assert ("allowed: 1" in shown) == (detail is not None)


def test_a_refusal_without_a_sentence_gets_one() -> None:
    with pytest.raises(Refused, match="gives no reason"):
        read('{"ok":false}', Orders, "there")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b"[]",
        b"null",
        b"{}",
        b'{"ok":1}',
        b'{"ok":true}',
        b'{"ok":true,"orders":[{}]}',
        b'{"ok":true,"orders":"\xff"}',
        b"[" * 100_000,
    ],
)
def test_whatever_else_it_is_no_exchange_answers_there(answer: bytes) -> None:
    with pytest.raises(ExchangeUnreachable, match="http://there does not answer") as error:
        read(answer, Orders, "http://there", 502)
    assert error.value.was_sent and "with status 502" in str(error.value)
    assert len(str(error.value)) < 300


def test_a_member_that_is_not_known_harms_nobody() -> None:
    quote = read(
        b'{"ok":true,"venue":"V","symbol":"S","bidSize":0,"askSize":0,"bidDepth":0,"askDepth":0,'
        b'"quoteTime":"","news":[1]}',
        Quote,
        "there",
    )
    assert (quote.venue, quote.bid, quote.last_trade) == ("V", None, None)
