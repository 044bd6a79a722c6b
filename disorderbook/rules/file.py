"""The rules of a market as a file of TOML says them.

The table [market] is for every stock, [venues.V] for those of a venue, and [venues.V.stocks.S] for
one. Whatever could mean something else than its author believes is refused in one sentence: fields
that there are not, other types, values out of bounds, and rules that contradict each other.
"""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

from disorderbook.protocol.names import MAX_PRICE, MAX_QUANTITY, NAME_RULE, is_name, shown
from disorderbook.rules.market import (
    HUNDREDTHS,
    NO_RULES,
    BandAround,
    RuleBook,
    Rules,
    SelfTrade,
)

MOST_BYTES = 1 << 20  # of a file
MOST_ENTRIES = 500  # venues and stocks that have rules of their own
MOST_POSITION = 2**53  # shares: more than a double holds exactly is no limit
MOST_OPEN_ORDERS = 1_000_000
MOST_PER_SECOND = 1000  # the times of as many are stored for an account
WIDEST_BAND = 1000  # percent
HIGHEST_FEE = 1000  # basis points: a tenth of what a trade is worth


class Bounds(NamedTuple):
    """What an integer may be."""

    least: int
    most: int
    unit: str

    def read(self, value: object) -> int:
        """Raises ValueError that says what is allowed."""
        if type(value) is not int or not self.least <= value <= self.most:
            raise ValueError(f"an integer from {self.least} to {self.most} ({self.unit})")
        return value


def _percent(value: object) -> float:
    if type(value) in (int, float) and 0 < value <= WIDEST_BAND:  # type: ignore[operator]
        hundredths = value * HUNDREDTHS  # type: ignore[operator]
        if abs(hundredths - round(hundredths)) < 1e-6 and round(hundredths):
            return value  # type: ignore[return-value]
    raise ValueError(f"a number of percent over 0 to {WIDEST_BAND}, with two decimals at most")


def _one_of(words: tuple[str, ...]) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in words:
            raise ValueError(", ".join(f'"{word}"' for word in words))
        return str(value)

    return read


FIELDS: dict[str, Callable[[object], Any]] = {
    "position_limit": Bounds(1, MOST_POSITION, "shares").read,
    "largest_order": Bounds(1, MAX_QUANTITY, "shares").read,
    "open_orders": Bounds(1, MOST_OPEN_ORDERS, "orders of an account").read,
    "band": _percent,
    "band_around": _one_of(get_args(BandAround)),
    "start_price": Bounds(1, MAX_PRICE, "cents").read,
    "orders_per_second": Bounds(1, MOST_PER_SECOND, "orders of an account").read,
    "self_trade": _one_of(get_args(SelfTrade)),
    "taker_fee": Bounds(0, HIGHEST_FEE, "basis points").read,
    "maker_fee": Bounds(-HIGHEST_FEE, HIGHEST_FEE, "basis points").read,
    "tick_size": Bounds(1, MAX_PRICE, "cents").read,
}


class UnusableRules(ValueError):
    """The file cannot be used; says why in a sentence without its beginning, the file's name."""


GivenRules = str | os.PathLike[str] | Mapping[str, object] | None
"""The rules that a program gives: a file, its tables as dictionaries, or none."""


def given_rules(rules: GivenRules) -> RuleBook:
    """The rules that a program gives; raises OSError, and ValueError with a whole sentence."""
    if rules is None:
        return NO_RULES
    try:
        return rule_book(rules) if isinstance(rules, Mapping) else read_rules(os.fspath(rules))
    except UnusableRules as fault:
        raise ValueError(f"rules {fault}") from None


def read_rules(path: str) -> RuleBook:
    """The rules in a file; raises OSError, and UnusableRules."""
    with Path(path).open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UnusableRules(f"has more than {MOST_BYTES} bytes")
    try:
        tables = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as fault:
        raise UnusableRules(f"is no TOML: {_line(fault)}") from None
    return rule_book(tables)


def rule_book(tables: Mapping[str, Any]) -> RuleBook:
    """The rules in tables as TOML has them; raises UnusableRules."""
    _allow(tables, ("market", "venues"), "the file")
    venues: dict[str, Rules] = {}
    stocks: dict[tuple[str, str], Rules] = {}
    for venue, table in _tables(tables, "venues", "the file").items():
        where = f"[venues.{_key(venue)}]"
        own = dict(_table(table, where))
        own.pop("stocks", None)
        _check_name(venue, where)
        venues[venue] = _rules(own, where)
        for symbol, fields in _tables(table, "stocks", where).items():
            of_stock = f"[venues.{_key(venue)}.stocks.{_key(symbol)}]"
            _check_name(symbol, of_stock)
            stocks[venue, symbol] = _rules(_table(fields, of_stock), of_stock)
    if len(venues) + len(stocks) > MOST_ENTRIES:
        raise UnusableRules(f"has more than {MOST_ENTRIES} venues and stocks with rules")
    market = _rules(_table(tables.get("market", {}), "[market]"), "[market]")
    book = RuleBook(market, {v: rules for v, rules in venues.items() if rules != Rules()}, stocks)
    _check_sense(book)
    return book


def _rules(fields: Mapping[str, Any], where: str) -> Rules:
    _allow(fields, FIELDS, where)
    read = {}
    for name, value in fields.items():
        try:
            read[name] = FIELDS[name](value)
        except ValueError as allowed:
            said = _line(shown(value))
            raise UnusableRules(f"has {name} = {said} in {where}; allowed: {allowed}") from None
    return Rules(**read)


def _check_sense(book: RuleBook) -> None:
    """Raise UnusableRules for rules that contradict each other, wherever they come together."""
    for venue, symbol, rules in book.entries():
        if venue is None:
            where, together = "[market]", book.market
        elif symbol is None:
            where, together = f"[venues.{_key(venue)}]", book.of(venue, "") or rules
        else:
            where = f"[venues.{_key(venue)}.stocks.{_key(symbol)}]"
            together = book.of(venue, symbol) or rules
        for contradiction in _contradictions(together):
            raise UnusableRules(f"makes no sense in {where}: {contradiction}")


def _contradictions(rules: Rules) -> list[str]:
    found = []
    if rules.band_around == "start" and rules.start_price is None:
        found.append('band_around = "start" needs start_price')
    for name in ("band_around", "start_price"):
        if rules.band is None and getattr(rules, name) is not None:
            found.append(f"{name} needs band")
    if (rules.taker_fee or 0) + (rules.maker_fee or 0) < 0:
        found.append(
            f"maker_fee = {rules.maker_fee} gives more than taker_fee = {rules.taker_fee or 0}"
            " takes, so that trading with oneself would pay"
        )
    tick = rules.tick_size
    if tick is not None and rules.start_price is not None and rules.start_price % tick:
        found.append(f"start_price = {rules.start_price} is no multiple of tick_size = {tick}")
    return found


def _allow(table: Mapping[str, Any], names: Any, where: str) -> None:
    for name in table:
        if name not in names:
            there_are = ", ".join(names)
            raise UnusableRules(f"has {_key(name)} in {where}, where there are {there_are}")


def _tables(table: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    return _table(table.get(name, {}), f"{name} of {where}")


def _table(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UnusableRules(f"has {_line(shown(value))} for {where}, which is a table")
    return value


def _check_name(name: object, where: str) -> None:
    if not isinstance(name, str) or not is_name(name):
        raise UnusableRules(f"has {where}: {NAME_RULE}")


def _key(name: object) -> str:
    """A name as TOML writes it, cut where it is long. A program's tables may have others."""
    is_bare = isinstance(name, str) and re.fullmatch("[A-Za-z0-9_-]{1,40}", name)
    return str(name) if is_bare else _line(shown(name))


def _line(text: object) -> str:
    """A text that is to stand in a sentence."""
    return "".join(c if c.isprintable() else "?" for c in str(text))
