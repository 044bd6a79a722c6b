"""From JSON to a new order: everything about a posted order is checked here, and past
`new_order` nothing can be malformed.
"""

import json
import re
import sys
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.errors import BadJson, IllegalValue, MissingField, UrlMismatch, WrongType
from disorderbook.exchange import check_name

MAX_NUMBER = 2**31 - 1  # of a price in cents or a quantity in shares

SIDES = {"buy": Side.BUY, "sell": Side.SELL}
ORDER_TYPES = {
    "limit": OrderType.LIMIT,
    "market": OrderType.MARKET,
    "fill-or-kill": OrderType.FILL_OR_KILL,
    "fok": OrderType.FILL_OR_KILL,
    "immediate-or-cancel": OrderType.IMMEDIATE_OR_CANCEL,
    "ioc": OrderType.IMMEDIATE_OR_CANCEL,
}
FIELD_NAMES = frozenset(
    ("account", "venue", "stock", "symbol", "direction", "qty", "price", "orderType")
)

Fields = Mapping[str, Any]

_CANONICAL_NAMES = {name.lower(): name for name in FIELD_NAMES}
_DIGITS = re.compile(r"[0-9]{1,100}")
_Word = TypeVar("_Word")


def parse_post(body: bytes) -> Fields:
    """The fields of a POSTed JSON object; raises BadJson, or WrongType if it is no object.

    Names match without regard to case and stand in the result as the protocol spells them.
    """
    try:
        posted = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        posted = _parse_leniently(body)
    if not isinstance(posted, dict):
        raise WrongType
    return posted if posted.keys() <= FIELD_NAMES else _with_canonical_names(posted)


def check_url_agrees(fields: Fields, venue: str, symbol: str) -> None:
    """Raise UrlMismatch if the body names another venue or stock; it need not name any."""
    if fields.get("venue", venue) != venue:
        raise UrlMismatch
    if fields.get("stock", fields.get("symbol", symbol)) != symbol:
        raise UrlMismatch


def account_name(fields: Fields) -> str:
    """Who places the order; raises MissingField, WrongType, IllegalValue or NameTooLong."""
    account = _required(fields, "account")
    if not isinstance(account, str):
        raise WrongType
    if not account or not _is_text(account):
        raise IllegalValue
    check_name(account)
    return sys.intern(account)  # one copy of the name for all of an account's orders


def new_order(fields: Fields, account: str) -> NewOrder:
    """The order that was asked for; complains of missing fields first (MissingField), then of
    wrong types (WrongType), then of illegal values (IllegalValue).

    A market order needs no price, and what it holds there is ignored.
    """
    side, order_type = _required(fields, "direction"), _required(fields, "orderType")
    quantity = _required(fields, "qty")
    price = 0 if order_type == "market" else _required(fields, "price")
    for number in (quantity, price):
        if type(number) not in (int, str, float):  # a bool is an int to isinstance
            raise WrongType
    return NewOrder(
        account, _word(SIDES, side), _word(ORDER_TYPES, order_type),
        _whole_number(price, least=0), _whole_number(quantity, least=1),
    )


def _parse_leniently(body: bytes) -> Any:
    """What the 2016 server would read where the fast parser refuses: a byte order mark, UTF-16, and
    NaN and Infinity, which many languages write for a number gone wrong.
    """
    try:
        return json.loads(body, parse_constant=float, parse_int=float)
    except (ValueError, RecursionError):
        raise BadJson from None


def _with_canonical_names(posted: Fields) -> Fields:
    """The known fields; of two spellings of one name the canonical one wins."""
    fields = {}
    for key, value in posted.items():
        name = _CANONICAL_NAMES.get(key.lower())
        if name is not None and (key == name or name not in posted):
            fields[name] = value
    return fields


def _required(fields: Fields, name: str) -> Any:
    if name not in fields:
        raise MissingField
    return fields[name]


def _word(words: Mapping[str, _Word], word: object) -> _Word:
    if not isinstance(word, str) or word not in words:
        raise IllegalValue
    return words[word]


def _whole_number(number: int | float | str, least: int) -> int:
    """An integer, a float without a fraction or a string of digits, at most MAX_NUMBER."""
    if isinstance(number, float) and not number.is_integer():
        raise IllegalValue
    if isinstance(number, str) and not _DIGITS.fullmatch(number):
        raise IllegalValue
    whole = int(number)
    if not least <= whole <= MAX_NUMBER:
        raise IllegalValue
    return whole


def _is_text(name: str) -> bool:
    """Whether a name can be sent back: JSON's escapes can spell half a character."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
