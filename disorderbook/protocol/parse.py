"""From JSON to a new order: everything about a posted order is checked here.

There are two ways. `plain_order` takes what nearly every client sends, in one call of the decoder,
and refuses nothing. Whatever it does not take goes step by step, in the contract's order of
refusals: `parse_post` (JSON, and an object), `check_url_agrees`, `account_name`, `new_order`. Both
ways make the same order of the same body.
"""

import json
import re
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.errors import (
    BadJson,
    IllegalValue,
    MissingField,
    NameTooLong,
    UrlMismatch,
    WrongType,
)
from disorderbook.protocol.fields import (
    DIRECTION_MEANING,
    Account,
    Price,
    Quantity,
    Symbol,
    Venue,
)
from disorderbook.protocol.names import (
    MAX_NAME_LENGTH,
    MAX_PRICE,
    MAX_QUANTITY,
    detail_of,
    missing,
    shown,
)

SIDES = {"buy": Side.BUY, "sell": Side.SELL}

ORDER_TYPES = {
    "limit": OrderType.LIMIT,
    "market": OrderType.MARKET,
    "fill-or-kill": OrderType.FILL_OR_KILL,
    "fok": OrderType.FILL_OR_KILL,
    "immediate-or-cancel": OrderType.IMMEDIATE_OR_CANCEL,
    "ioc": OrderType.IMMEDIATE_OR_CANCEL,
}

A_NAME = "a string of 1 to 255 characters"
A_NUMBER = "a whole number or a string of digits, at most"

ALLOWED = {  # by field, in the order in which missing ones are refused
    "account": A_NAME,
    "direction": " or ".join(SIDES),
    "orderType": ", ".join(ORDER_TYPES),
    "qty": f"{A_NUMBER} {MAX_QUANTITY}, at least 1 (shares)",
    "price": f"{A_NUMBER} {MAX_PRICE}, at least 0 (cents)",
}

Fields = Mapping[str, Any]
_DIGITS = re.compile(r"[0-9]{1,100}")
_Word = TypeVar("_Word")


class PlainOrder(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A posted order in the spelling of the protocol: no other keys, numbers as numbers. The
    OpenAPI description is made from it, and says what else may be posted.
    """

    account: Annotated[Account, Meta(description="The account that trades.")]
    direction: Annotated[Literal["buy", "sell"], Meta(description=DIRECTION_MEANING)]
    orderType: Annotated[
        Literal["limit", "market", "fill-or-kill", "fok", "immediate-or-cancel", "ioc"],
        Meta(
            description="An order type; `fok` and `ioc` are short for `fill-or-kill` and "
            "`immediate-or-cancel`. Answers always use the long names.",
        ),
    ]
    qty: Annotated[
        Quantity,
        Meta(
            description=f"Shares, 1 to {MAX_QUANTITY}: an integer, a float without a fraction "
            '(100.0), or a string of digits ("100").'
        ),
    ]
    price: (
        Annotated[
            Price,
            Meta(
                description="Cents a share: the highest price to buy at or the lowest to sell at, "
                f"0 to {MAX_PRICE}, spelled like `qty`. A market order may leave it out, and "
                "whatever it holds there is ignored."
            ),
        ]
        | UnsetType
    ) = UNSET
    venue: (
        Annotated[
            Venue, Meta(description="May be left out; else it must be the venue of the path.")
        ]
        | UnsetType
    ) = UNSET
    stock: (
        Annotated[
            Symbol, Meta(description="May be left out; else it must be the stock of the path.")
        ]
        | UnsetType
    ) = UNSET
    symbol: (
        Annotated[
            Symbol,
            Meta(description="Another name for `stock`, read when there is no `stock`."),
        ]
        | UnsetType
    ) = UNSET


FIELD_NAMES = frozenset(PlainOrder.__struct_fields__)
_CANONICAL_NAMES = {name.lower(): name for name in FIELD_NAMES}
_decode_plain = msgspec.json.Decoder(PlainOrder).decode


def plain_order(body: bytes, venue: str, symbol: str) -> NewOrder | None:
    """The order in the body of a POST to a stock at a venue.

    None means that the other way has to look: the body is unusual, or it will be refused.
    """
    try:
        posted = _decode_plain(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if posted.venue != venue and posted.venue is not UNSET:
        return None
    if posted.stock != symbol and posted.stock is not UNSET:
        return None
    if posted.symbol is not UNSET and posted.symbol != symbol:
        return None
    price = 0 if posted.orderType == "market" else posted.price
    if price is UNSET:
        return None
    return NewOrder(
        sys.intern(posted.account),
        SIDES[posted.direction],
        ORDER_TYPES[posted.orderType],
        price,
        posted.qty,
    )


def parse_post(body: bytes) -> Fields:
    """The fields of a POSTed JSON object; raises BadJson, or WrongType if it is no object.

    Names match without regard to case and stand in the result as the protocol spells them.
    """
    posted = parse_object(body)
    return posted if posted.keys() <= FIELD_NAMES else _with_canonical_names(posted)


def parse_object(body: bytes) -> Fields:
    """A JSON object as it is; raises BadJson, or WrongType if it is no object."""
    try:
        posted = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        posted = _parse_leniently(body)
    if not isinstance(posted, dict):
        raise WrongType(detail_of("body", posted, "a JSON object"))
    return posted


def check_url_agrees(fields: Fields, venue: str, symbol: str) -> None:
    """Raise UrlMismatch if the body names another venue or stock; it need not name any."""
    if fields.get("venue", venue) != venue:
        raise UrlMismatch(detail_of("venue", fields["venue"], f"that of the URL, {shown(venue)}"))
    if fields.get("stock", fields.get("symbol", symbol)) != symbol:
        name = "stock" if "stock" in fields else "symbol"
        raise UrlMismatch(detail_of(name, fields[name], f"that of the URL, {shown(symbol)}"))


def account_name(fields: Fields) -> str:
    """Who places the order; raises MissingField, WrongType, IllegalValue or NameTooLong."""
    if "account" not in fields:
        raise MissingField(missing("account", A_NAME))
    account = fields["account"]
    if not isinstance(account, str):
        raise WrongType(detail_of("account", account, A_NAME))
    if not account or not (account.isascii() or is_text(account)):
        raise IllegalValue(detail_of("account", account, A_NAME))
    check_name(account, "account")
    return sys.intern(account)  # one copy of the name for all of an account's orders


def new_order(fields: Fields, account: str) -> NewOrder:
    """The order that was asked for; complains of missing fields first (MissingField), then of
    wrong types (WrongType), then of illegal values (IllegalValue).

    A market order needs no price, and what it holds there is ignored.
    """
    try:
        side, order_type, quantity = fields["direction"], fields["orderType"], fields["qty"]
        price = 0 if order_type == "market" else fields["price"]
    except KeyError as lacking:
        name = lacking.args[0]
        raise MissingField(missing(name, ALLOWED[name])) from None
    for name, number in (("qty", quantity), ("price", price)):
        if type(number) not in (int, str, float):  # a bool is an int to isinstance
            raise WrongType(detail_of(name, number, ALLOWED[name]))
    known_side = _word("direction", SIDES, side)
    known_type = _word("orderType", ORDER_TYPES, order_type)
    shares = _whole_number("qty", quantity, least=1, most=MAX_QUANTITY)
    cents = _whole_number("price", price, least=0, most=MAX_PRICE)
    return NewOrder(account, known_side, known_type, cents, shares)


def _parse_leniently(body: bytes) -> Any:
    """What the 2016 server would read where the fast parser refuses: a byte order mark, UTF-16, and
    NaN and Infinity, which many languages write for a number gone wrong.
    """
    try:
        return json.loads(body, parse_constant=float, parse_int=float)
    except RecursionError:
        raise BadJson("the body is nested too deeply") from None
    except ValueError as fault:
        raise BadJson(f"the body is not JSON: {fault}") from None


def _with_canonical_names(posted: Fields) -> Fields:
    """The known fields; of two spellings of one name the canonical one wins."""
    fields = {}
    for key, value in posted.items():
        name = _CANONICAL_NAMES.get(key.lower())
        if name is not None and (key == name or name not in posted):
            fields[name] = value
    return fields


def _word(name: str, words: Mapping[str, _Word], word: object) -> _Word:
    known = words.get(word) if isinstance(word, str) else None
    if known is None:
        raise IllegalValue(detail_of(name, word, ALLOWED[name]))
    return known


def _whole_number(name: str, number: int | float | str, least: int, most: int) -> int:
    """An integer, a float without a fraction or a string of digits, within these bounds."""
    if type(number) is int and least <= number <= most:
        return number
    is_whole = (
        number.is_integer()
        if isinstance(number, float)
        else isinstance(number, str) and _DIGITS.fullmatch(number)
    )
    whole = int(number) if is_whole else -1
    if not least <= whole <= most:
        raise IllegalValue(detail_of(name, number, ALLOWED[name]))
    return whole


def is_text(name: str) -> bool:
    """Whether a name can be sent back: JSON's escapes can spell half a character."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_name(name: str, part: str = "name") -> None:
    """Raise NameTooLong for a venue, symbol or account name (`part`) over 255 characters."""
    if len(name) > MAX_NAME_LENGTH:
        raise NameTooLong(detail_of(part, name, f"at most {MAX_NAME_LENGTH} characters"))
