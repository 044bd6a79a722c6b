"""The game master's answers, as JSON."""

from typing import Annotated

import msgspec
from msgspec import Meta

from disorderbook.exchange import Exchange
from disorderbook.game.instances import LEVELS
from disorderbook.ledger.base import END_OF_THE_WORLD_DAY, SECONDS_PER_TRADING_DAY, Instance
from disorderbook.protocol.fields import Account, InstanceId, Ok, Symbol, Venue
from disorderbook.protocol.names import to_json


class LevelEntryMessage(msgspec.Struct, gc=False):
    """A level of the game."""

    name: Annotated[str, Meta(description="The name to start it by.", min_length=1)]


class LevelsMessage(msgspec.Struct, gc=False):
    """The levels of the game."""

    ok: Ok
    levels: Annotated[
        list[LevelEntryMessage],
        Meta(description="In the order in which they are played.", min_length=1),
    ]


class InstructionsMessage(msgspec.Struct, gc=False):
    """Texts to show to the player, by their headings."""

    instructions: Annotated[str, Meta(description="What to do in this level.")] = msgspec.field(
        name="Instructions"
    )
    order_types: Annotated[str, Meta(description="Which order types there are.")] = msgspec.field(
        name="Order Types"
    )


class BalancesMessage(msgspec.Struct, gc=False):
    """Money to begin with, by currency."""

    USD: Annotated[int, Meta(description="Cents.", extra_json_schema={"const": 0})]


class StartedLevelMessage(msgspec.Struct, gc=False):
    """Who to trade as, and where."""

    ok: Ok
    account: Annotated[
        Account,
        Meta(
            description="The account to trade with: ten random capitals and digits, or, where "
            "keys are needed, the account of the key that came with the request."
        ),
    ]
    instanceId: InstanceId
    instructions: InstructionsMessage
    tickers: Annotated[
        list[Symbol],
        Meta(
            description="The symbol of every stock that has been used.",
            extra_json_schema={"uniqueItems": True},
        ),
    ]
    venues: Annotated[
        list[Venue],
        Meta(
            description="Every venue that has been used.",
            extra_json_schema={"uniqueItems": True},
        ),
    ]
    secondsPerTradingDay: Annotated[
        int,
        Meta(
            description="How long a trading day takes, in seconds.",
            extra_json_schema={"const": SECONDS_PER_TRADING_DAY},
        ),
    ]
    balances: BalancesMessage


class TradingDaysMessage(msgspec.Struct, gc=False):
    """Where the level's calendar stands."""

    tradingDay: Annotated[
        int, Meta(description="Trading days since the level started; the first is 0.", ge=0)
    ]
    endOfTheWorldDay: Annotated[
        int, Meta(description="The last trading day; the calendar stops there.", ge=1)
    ]


class InstanceMessage(msgspec.Struct, gc=False):
    """How a started level stands."""

    ok: Ok
    done: Annotated[
        bool,
        Meta(
            description="Whether the level is over; no level ends yet.",
            extra_json_schema={"const": False},
        ),
    ]
    id: InstanceId
    state: Annotated[
        str,
        Meta(
            description="No level is won or lost yet, so it is always open.",
            extra_json_schema={"const": "open"},
        ),
    ]
    details: TradingDaysMessage


INSTRUCTIONS = InstructionsMessage(
    "Trade as you like: levels have no goals yet, and nobody trades against you.",
    "limit, market, fill-or-kill (fok), immediate-or-cancel (ioc)",
)


def levels_message() -> bytes:
    """The names of all levels."""
    return to_json(LevelsMessage(True, [LevelEntryMessage(name) for name in LEVELS]))


def start_message(instance: Instance, exchange: Exchange) -> bytes:
    """What a player needs when an instance starts: the account, and where to trade. The exchange's
    lock must be held.
    """
    venues = list(exchange.venues())
    symbols = {book.symbol: None for venue in venues for book in exchange.books(venue)}
    return to_json(
        StartedLevelMessage(
            True,
            instance.account,
            instance.id,
            INSTRUCTIONS,
            list(symbols),
            venues,
            SECONDS_PER_TRADING_DAY,
            BalancesMessage(0),
        )
    )


def instance_message(instance: Instance, now: int) -> bytes:
    """The state of an instance at `now`, nanoseconds since 1970."""
    days = TradingDaysMessage(instance.trading_day(now), END_OF_THE_WORLD_DAY)
    return to_json(InstanceMessage(True, False, instance.id, "open", days))
