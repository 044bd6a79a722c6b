"""The rules of a book, and those of every book of an exchange: values, which never change.

A band is measured around a reference price, which the caller looks up (see `reference_of` in
`disorderbook/rules/enforcement.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from disorderbook.protocol.names import MAX_PRICE

BandAround = Literal["last", "mid", "start"]
SelfTrade = Literal["cancel-newer", "cancel-older", "refuse"]
FeeRates = tuple[int, int]
"""Basis points of what a trade is worth: for an order that stands, and for one that comes in."""

HUNDREDTHS = 100  # of a percent, in a percent: a band has no finer part


@dataclass(frozen=True)
class Rules:
    """What holds in one stock; None is "no such rule". Prices are in cents, quantities in shares,
    fees in basis points (hundredths of a percent) of what a trade is worth.
    """

    position_limit: int | None = None  # shares held or owed, if all open orders of a side traded
    largest_order: int | None = None
    open_orders: int | None = None  # of an account
    band: float | None = None  # percent, to both sides of the reference
    band_around: BandAround | None = None  # "last" where there is a band
    start_price: int | None = None  # what a band is around before there is anything else
    orders_per_second: int | None = None  # of an account
    self_trade: SelfTrade | None = None
    taker_fee: int | None = None
    maker_fee: int | None = None  # below zero: what a maker is given
    tick_size: int | None = None

    def edges(self, reference: int | None) -> tuple[int, int]:
        """The lowest and the highest price within the band around a reference; every price is in it
        where either is missing. A band reaches a tick to both sides at least: of a price of a few
        cents a percentage is less than a cent, and the price could not move.
        """
        if self.band is None or reference is None:
            return 0, MAX_PRICE
        part, whole = round(self.band * HUNDREDTHS), 100 * HUNDREDTHS
        width = max(reference * part // whole, self.tick_size or 1)
        return max(reference - width, 0), min(reference + width, MAX_PRICE)

    def in_band(self, reference: int | None, price: int) -> bool:
        """Whether a price is within the band around a reference."""
        lowest, highest = self.edges(reference)
        return lowest <= price <= highest

    def given(self) -> Iterator[tuple[str, int | float | str]]:
        """The rules that there are, by name."""
        for name, value in vars(self).items():
            if value is not None:
                yield name, value


@dataclass(frozen=True)
class RuleBook:
    """The rules of every book: those of the market, of a venue and of a stock, where the narrower
    one counts, field by field.
    """

    market: Rules = Rules()
    venues: Mapping[str, Rules] = field(default_factory=dict)
    stocks: Mapping[tuple[str, str], Rules] = field(default_factory=dict)  # by venue and symbol

    def of(self, venue: str, symbol: str) -> Rules | None:
        """What holds in a stock; None if there is no rule."""
        fields: dict[str, Any] = {}
        for rules in (self.market, self.venues.get(venue), self.stocks.get((venue, symbol))):
            if rules is not None:
                fields.update(rules.given())
        if not fields:
            return None
        rules = Rules(**fields)
        has_band = rules.band is not None and rules.band_around is None
        return replace(rules, band_around="last") if has_band else rules

    @property
    def has_bands(self) -> bool:
        """Whether some stock has a band."""
        return any(rules.band is not None for _, _, rules in self.entries())

    def entries(self) -> Iterator[tuple[str | None, str | None, Rules]]:
        """Venue, symbol (None: of all) and what is said there, the widest first; nothing where
        nothing is said.
        """
        if self.market != Rules():
            yield None, None, self.market
        for venue, rules in self.venues.items():
            yield venue, None, rules
        for (venue, symbol), rules in self.stocks.items():
            yield venue, symbol, rules


NO_RULES = RuleBook()


def fee_rates(rules: Rules | None) -> FeeRates:
    """What a stock's rules ask for a trade."""
    return (0, 0) if rules is None else (rules.maker_fee or 0, rules.taker_fee or 0)
