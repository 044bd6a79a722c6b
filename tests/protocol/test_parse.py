"""What a POSTed order may look like, and what is said of one that does not."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disorderbook.engine.orders import OrderType, Side
from disorderbook.errors import (
    BadJson,
    ExchangeError,
    IllegalValue,
    MissingField,
    NameTooLong,
    UrlMismatch,
    WrongType,
)
from disorderbook.protocol.parse import (
    FIELD_NAMES,
    ORDER_TYPES,
    account_name,
    check_url_agrees,
    new_order,
    parse_post,
    plain_order,
)

FIELDS = {"account": "ANN", "direction": "buy", "orderType": "limit", "price": 5000, "qty": 10}


def with_(**changes: object) -> dict[str, object]:
    return FIELDS | changes


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"{'a': 1}",
        b"\xff",
        b'{"a": 1}}',
        b"[" * 100_000,
        b"\x00",
        b'"\xff"',
        b'{"account": "Zo\xeb"}',
        b'{"qty": NaN,,}',
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadJson):
        parse_post(body)


@pytest.mark.parametrize("body", [b"[]", b"[1]", b'"text"', b"5", b"null", b"true"])
def test_json_that_is_no_object_is_a_wrong_type__difference_4(body: bytes) -> None:
    with pytest.raises(WrongType):
        parse_post(body)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_illegal_values__difference_4(number: float) -> None:
    for field in ("price", "qty"):
        fields = parse_post(json.dumps(with_(**{field: number})).encode())
        with pytest.raises(IllegalValue):
            new_order(fields, "ANN")


def test_a_number_of_any_length_is_a_number() -> None:
    for digits in (b"1" * 25, b"1" * 400, b"1" * 5000, b"1e999"):
        with pytest.raises(IllegalValue):
            new_order(
                parse_post(json.dumps(with_(qty=0)).encode().replace(b"0}", digits + b"}")), "ANN"
            )


def test_old_windows_clients_may_send_a_byte_order_mark() -> None:
    assert parse_post(json.dumps(FIELDS).encode("utf-8-sig")) == FIELDS
    assert parse_post(json.dumps(FIELDS).encode("utf-16")) == FIELDS
    assert type(new_order(parse_post(json.dumps(FIELDS).encode("utf-16")), "ANN").price) is int


def test_names_of_fields_match_in_any_case__difference_8() -> None:
    posted = b'{"Account": "ANN", "QTY": 5, "ordertype": "ioc", "note": 1, "ORDERTYPE": "fok"}'
    assert parse_post(posted) == {"account": "ANN", "qty": 5, "orderType": "fok"}


@pytest.mark.parametrize("posted", [b'{"qty": 1, "QTY": 2}', b'{"QTY": 2, "qty": 1}'])
def test_an_exact_name_wins__difference_8(posted: bytes) -> None:
    assert parse_post(posted) == {"qty": 1}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"venue": "V"},
        {"stock": "S"},
        {"symbol": "S"},
        {"stock": "S", "symbol": "OTHER"},
    ],
)
def test_a_body_may_repeat_its_url(fields: dict[str, object]) -> None:
    check_url_agrees(fields, "V", "S")


@pytest.mark.parametrize(
    "fields",
    [
        {"venue": "W"},
        {"venue": None},
        {"stock": "T"},
        {"symbol": "T"},
        {"symbol": ["S"]},
        {"stock": "T", "symbol": "S"},
    ],
)
def test_a_body_that_contradicts_its_url_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(UrlMismatch):
        check_url_agrees(fields, "V", "S")


@pytest.mark.parametrize(
    "fields, refusal",
    [
        ({}, MissingField),
        ({"account": 5}, WrongType),
        ({"account": None}, WrongType),
        ({"account": ["ANN"]}, WrongType),
        ({"account": ""}, IllegalValue),
        ({"account": "A" * 256}, NameTooLong),
        ({"account": "\ud800"}, IllegalValue),
    ],
)
def test_an_account_is_a_name__difference_7(
    fields: dict[str, object], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        account_name(fields)


def test_an_account_may_have_255_characters_of_any_alphabet() -> None:
    assert account_name({"account": "Ω" * 255}) == "Ω" * 255


@pytest.mark.parametrize("word, side", [("buy", Side.BUY), ("sell", Side.SELL)])
def test_directions(word: str, side: Side) -> None:
    assert new_order(with_(direction=word), "ANN").side is side


@pytest.mark.parametrize(
    "word, order_type",
    [
        ("limit", OrderType.LIMIT),
        ("market", OrderType.MARKET),
        ("fok", OrderType.FILL_OR_KILL),
        ("fill-or-kill", OrderType.FILL_OR_KILL),
        ("ioc", OrderType.IMMEDIATE_OR_CANCEL),
        ("immediate-or-cancel", OrderType.IMMEDIATE_OR_CANCEL),
    ],
)
def test_order_types(word: str, order_type: OrderType) -> None:
    assert new_order(with_(orderType=word), "ANN").type is order_type


@pytest.mark.parametrize(
    "number, whole",
    [
        (7, 7),
        ("7", 7),
        ("0007", 7),
        (7.0, 7),
        (2147483647, 2147483647),
        ("2147483647", 2147483647),
    ],
)
def test_numbers_may_come_as_integers_digits_or_whole_floats__difference_5(
    number: object, whole: int
) -> None:
    order = new_order(with_(price=number, qty=number), "ANN")
    assert (order.price, order.quantity) == (whole, whole)


@pytest.mark.parametrize(
    "number",
    [
        12.9,
        2147483648,
        "2147483648",
        -1,
        "-1",
        "",
        "ten",
        "1_000",
        " 7",
        "٧",
        "7.0",
        1e300,
        "9" * 5000,
        "0" * 5000,
    ],
)
def test_other_numbers_are_illegal_values__difference_5(number: object) -> None:
    for field in ("price", "qty"):
        with pytest.raises(IllegalValue):
            new_order(with_(**{field: number}), "ANN")


@pytest.mark.parametrize("value", [True, False, None, [], {}, [5]])
def test_what_is_no_number_is_a_wrong_type__difference_5(value: object) -> None:
    for field in ("price", "qty"):
        with pytest.raises(WrongType):
            new_order(with_(**{field: value}), "ANN")


def test_a_price_may_be_zero_but_a_quantity_may_not() -> None:
    assert new_order(with_(price=0), "ANN").price == 0
    with pytest.raises(IllegalValue):
        new_order(with_(qty=0), "ANN")


@pytest.mark.parametrize("price", [None, -7, "junk", [], True, 5000])
def test_the_price_of_a_market_order_is_ignored__difference_6(price: object) -> None:
    assert new_order(with_(orderType="market", price=price), "ANN").price == 0


def test_a_market_order_needs_no_price__difference_6() -> None:
    fields = with_(orderType="market")
    del fields["price"]
    assert new_order(fields, "ANN").price == 0


@pytest.mark.parametrize("field", ["direction", "orderType", "price", "qty"])
def test_a_missing_field_is_the_first_complaint(field: str) -> None:
    fields = {name: [] for name in FIELDS}
    del fields[field]
    with pytest.raises(MissingField):
        new_order(fields, "ANN")


def test_a_wrong_type_is_the_second_complaint_and_an_illegal_value_the_last() -> None:
    with pytest.raises(WrongType):
        new_order(with_(direction="hold", price=-1, qty=None), "ANN")
    with pytest.raises(IllegalValue):
        new_order(with_(direction="hold"), "ANN")


@pytest.mark.parametrize("word", ["", "BUY", "LIMIT", "stop", None, 5, [], {}])
def test_other_words_are_illegal_values(word: object) -> None:
    for field in ("direction", "orderType"):
        with pytest.raises(IllegalValue):
            new_order(with_(**{field: word}), "ANN")


def outcome_of(body: bytes) -> object:
    """The order that the step-by-step way makes of a body, or the refusal's class."""
    try:
        fields = parse_post(body)
        check_url_agrees(fields, "V", "S")
        return new_order(fields, account_name(fields))
    except ExchangeError as refusal:
        return type(refusal)


WORDS = ["ANN", "", "Ω" * 255, "Ω" * 256, "\ud800", "V", "S", "buy", "sell", "Buy"]
TEXTS = st.sampled_from([*WORDS, *ORDER_TYPES])
NUMBERS = st.sampled_from(
    "0 1 -1 -0 -0.0 1.0 12.9 1e2 1E400 1e-400 2147483647 2147483647.0 2147483648 2147483647.0000001"
    " 99999999999999999999 NaN Infinity true null [] {} 007".split()
) | st.integers(-1, 2**31).map(str)
VALUES = TEXTS.map(json.dumps) | NUMBERS | NUMBERS.map(lambda number: f'"{number}"')
KEYS = st.sampled_from(
    [*sorted(FIELD_NAMES), "QTY", "Account", "ordertype", "other", "pric\\u0065"]
)
PLAIN = {
    "account": '"ANN"',
    "direction": '"buy"',
    "orderType": '"limit"',
    "qty": "10",
    "price": "5000",
    "venue": '"V"',
    "stock": '"S"',
}


@given(
    st.dictionaries(st.sampled_from(sorted(PLAIN)), st.none() | VALUES, max_size=3),
    st.lists(st.tuples(KEYS, VALUES), max_size=2),
    st.sampled_from(["", "\ufeff", " ", "x"]),
)
def test_a_plain_order_is_what_the_other_way_makes_of_it(
    changes: dict[str, str | None], more: list[tuple[str, str]], before: str
) -> None:
    members = [(name, changes.get(name, value)) for name, value in PLAIN.items()] + more
    text = ", ".join(f'"{name}": {value}' for name, value in members if value is not None)
    body = f"{before}{{{text}}}".encode()
    plain = plain_order(body, "V", "S")
    assert plain is None or plain == outcome_of(body)


@given(st.binary(max_size=40))
def test_no_bytes_are_a_plain_order_that_the_other_way_refuses(body: bytes) -> None:
    assert plain_order(body, "V", "S") is None


@pytest.mark.parametrize("word", ORDER_TYPES)
@pytest.mark.parametrize("left_out", [(), ("venue",), ("stock",), ("venue", "stock")])
def test_what_nearly_every_client_sends_is_plain(word: str, left_out: tuple[str, ...]) -> None:
    posted = {name: json.loads(value) for name, value in PLAIN.items() if name not in left_out}
    body = json.dumps(posted | {"orderType": word}).encode()
    plain = plain_order(body, "V", "S")
    assert plain is not None and plain == outcome_of(body)
