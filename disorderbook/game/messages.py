"""The game master's answers, as JSON: those of the protocol, and those for the page of the levels.

In the protocol's, what is not known is absent, never null, and nothing may be added: there are
typed clients. The exchange's lock must be held for every function.
"""

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from disorderbook.engine.orders import SIDE_NAMES
from disorderbook.game.instance import LevelInstance, OwnFill, Standing
from disorderbook.game.levels import LEVELS, Level
from disorderbook.game.referee import LAST_DAY, LOST, OPEN, WON
from disorderbook.game.results import LevelResult, Results
from disorderbook.protocol.fields import (
    Account,
    Count,
    Direction,
    InstanceId,
    Ok,
    OrderId,
    Price,
    Quantity,
    Symbol,
    Timestamp,
    Venue,
)
from disorderbook.protocol.names import timestamp, to_json
from disorderbook.protocol.route import Steps, list_in_steps, with_commas

ROWS_AT_ONCE = 250  # fills or results that a step tells, in a millisecond or two

LevelName = Annotated[
    str,
    Meta(description="The name to start it by.", min_length=1, examples=["first_steps"]),
]
State = Annotated[
    str,
    Meta(
        description="`open` until the level is won or lost.",
        extra_json_schema={"enum": [OPEN, WON, LOST]},
    ),
]
SecondsPerDay = Annotated[
    int, Meta(description="How long a trading day takes, in seconds, rounded up.", ge=1)
]
Flash = Annotated[
    dict[str, str],
    Meta(
        description="What the level tells its player, under `info` while it is open, `success` "
        "when it is won, `error` when it is lost. Absent while there is nothing to tell.",
        extra_json_schema={
            "propertyNames": {"enum": ["info", "success", "error"]},
            "minProperties": 1,
            "maxProperties": 1,
        },
    ),
]
Instructions = Annotated[
    dict[str, str],
    Meta(
        description="Texts to show to the player, in Markdown, by their headings: `Instructions`, "
        "`Order Types` and, in some levels, others.",
        extra_json_schema={"required": ["Instructions", "Order Types"]},
    ),
]
Seed = Annotated[int, Meta(description="What the market follows from.", ge=0)]
SeedChosen = Annotated[bool, Meta(description="Whether the player chose the seed.")]
Days = Annotated[int, Meta(description="Trading days that had begun.", ge=0, le=LAST_DAY)]
Assisted = Annotated[
    bool, Meta(description="Whether the player has paused, or had a day begin early.")
]


class LevelEntryMessage(msgspec.Struct, gc=False):
    """A level of the game."""

    name: LevelName


class LevelsMessage(msgspec.Struct, gc=False):
    """The levels of the game."""

    ok: Ok
    levels: Annotated[
        list[LevelEntryMessage],
        Meta(description="In the order in which they are played.", min_length=1),
    ]


class BalancesMessage(msgspec.Struct, gc=False):
    """Money to begin with, by currency."""

    USD: Annotated[int, Meta(description="Cents.", extra_json_schema={"const": 0})]


class StartedLevelMessage(msgspec.Struct, gc=False):
    """Who to trade as, and where."""

    ok: Ok
    account: Annotated[Account, Meta(description="The account to trade with, of this instance.")]
    instanceId: InstanceId
    instructions: Instructions
    tickers: Annotated[
        list[Symbol],
        Meta(description="The symbol of the level's stock.", min_length=1, max_length=1),
    ]
    venues: Annotated[
        list[Venue],
        Meta(description="The level's venue.", min_length=1, max_length=1),
    ]
    secondsPerTradingDay: SecondsPerDay
    balances: BalancesMessage | UnsetType = UNSET


class TradingDaysMessage(msgspec.Struct, gc=False):
    """Where the level's calendar stands."""

    tradingDay: Annotated[
        int, Meta(description="The trading day; the one after the first is 1.", ge=1)
    ]
    endOfTheWorldDay: Annotated[
        int,
        Meta(
            description="The last trading day; then the venue is closed.",
            extra_json_schema={"const": LAST_DAY},
        ),
    ]


class InstanceMessage(msgspec.Struct, gc=False):
    """How a started level stands."""

    ok: Ok
    done: Annotated[bool, Meta(description="Whether the level is won or lost.")]
    id: InstanceId
    state: State
    details: (
        Annotated[
            TradingDaysMessage,
            Meta(description="Where the calendar stands; absent until day 1 has begun."),
        ]
        | UnsetType
    ) = UNSET
    flash: Flash | UnsetType = UNSET


class OpenInstanceMessage(msgspec.Struct, gc=False):
    """Which instance of a level the player has."""

    instanceId: InstanceId


class OpenInstancesMessage(msgspec.Struct, gc=False):
    """The player's open instances."""

    levels: Annotated[
        dict[str, OpenInstanceMessage], Meta(description="By the name of their level.")
    ]


class BestResultMessage(msgspec.Struct, gc=False):
    """The best that the player has done in a level."""

    won: Annotated[bool, Meta(description="Whether it was won.")]
    days: Days
    nav: Annotated[int, Meta(description="Net asset value in cents.")]
    seed: Seed
    seedChosen: SeedChosen


class LevelCardMessage(msgspec.Struct, gc=False):
    """A level, for people."""

    name: LevelName
    title: Annotated[str, Meta(description="Its name for people.")]
    goal: Annotated[str, Meta(description="What is to be done, in a sentence.")]
    limits: Annotated[str, Meta(description="What must not happen, in a sentence.")]
    days: Annotated[int, Meta(description="Trading days, the first included.", ge=1)]
    available: Annotated[bool, Meta(description="Whether it can be started here.")]
    unavailable: (
        Annotated[str, Meta(description="Why it cannot be started; absent if it can.")] | UnsetType
    ) = UNSET
    instanceId: (
        Annotated[InstanceId, Meta(description="The player's open instance, if he has one.")]
        | UnsetType
    ) = UNSET
    best: (
        Annotated[
            BestResultMessage,
            Meta(description="The player's best result; absent until he has one."),
        ]
        | UnsetType
    ) = UNSET


class LevelCardsMessage(msgspec.Struct, gc=False):
    """All levels, for people."""

    ok: Ok
    levels: Annotated[
        list[LevelCardMessage],
        Meta(description="In the order in which they are played.", min_length=1),
    ]


class PlayedLevelMessage(msgspec.Struct, gc=False, kw_only=True):
    """An instance, as its own page shows it."""

    ok: Ok
    id: InstanceId
    level: LevelName
    title: Annotated[str, Meta(description="The level's name for people.")]
    state: State
    account: Annotated[Account, Meta(description="The player's account.")]
    venue: Venue
    symbol: Symbol
    day: Annotated[int, Meta(description="The trading day, from 0.", ge=0, le=LAST_DAY)]
    endOfTheWorldDay: Annotated[int, Meta(description="The last trading day.", ge=1)]
    dayProgress: Annotated[float, Meta(description="How much of the day is over.", ge=0, le=1)]
    secondsPerTradingDay: SecondsPerDay
    paused: Annotated[bool, Meta(description="Whether its clock stands still.")]
    assisted: Assisted
    isOver: Annotated[
        bool, Meta(description="Whether its last day has ended; then its venue is closed.")
    ]
    instructions: Instructions
    started: Annotated[Timestamp, Meta(description="When its day 0 began.")]
    flash: Flash | UnsetType = UNSET
    position: (
        Annotated[int, Meta(description="Shares; absent before the first trade.")] | UnsetType
    ) = UNSET
    cash: (
        Annotated[int, Meta(description="Cents, from 0; absent before the first trade.")]
        | UnsetType
    ) = UNSET
    nav: (
        Annotated[
            int,
            Meta(description="Net asset value in cents; absent before the first trade."),
        ]
        | UnsetType
    ) = UNSET
    averagePrice: (
        Annotated[
            int,
            Meta(description="What the shares have cost on average, in cents; absent without any."),
        ]
        | UnsetType
    ) = UNSET
    rank: (
        Annotated[
            int,
            Meta(
                description="The place by net asset value among all accounts there, from 1; absent "
                "before the first trade.",
                ge=1,
            ),
        ]
        | UnsetType
    ) = UNSET
    positionLimit: (
        Annotated[
            int, Meta(description="The most shares, long or short; absent where there is none.")
        ]
        | UnsetType
    ) = UNSET
    goalNav: (
        Annotated[
            int, Meta(description="The net asset value to reach, in cents; absent where it is not.")
        ]
        | UnsetType
    ) = UNSET
    goalShares: (
        Annotated[int, Meta(description="The shares to own; absent where that is not the goal.")]
        | UnsetType
    ) = UNSET
    targetPrice: (
        Annotated[
            int,
            Meta(
                description="The client's target for the average, in cents; absent where there is "
                "none, and until some shares are bought."
            ),
        ]
        | UnsetType
    ) = UNSET
    days: Annotated[Days, Meta(description="Absent while the level is open.")] | UnsetType = UNSET
    seed: Annotated[Seed, Meta(description="Absent while the level is open.")] | UnsetType = UNSET
    seedChosen: (
        Annotated[SeedChosen, Meta(description="Absent while the level is open.")] | UnsetType
    ) = UNSET


class OwnFillMessage(msgspec.Struct, gc=False):
    """A trade of the player."""

    number: Annotated[Count, Meta(description="Counts the player's fills from 1.")]
    orderId: Annotated[OrderId, Meta(description="The player's order.")]
    day: Annotated[int, Meta(description="The trading day, from 0.", ge=0)]
    ts: Timestamp
    direction: Direction
    price: Price
    qty: Quantity


class OwnFillsMessage(msgspec.Struct, gc=False):
    """What the player has traded."""

    ok: Ok
    count: Annotated[int, Meta(description="How many fills there have been.", ge=0)]
    fills: Annotated[list[OwnFillMessage], Meta(description="Oldest first.")]


class ResultMessage(msgspec.Struct, gc=False):
    """How somebody has won or lost a level."""

    level: LevelName
    player: Annotated[
        Account,
        Meta(
            description="The account: that of the key's holder, or, where no keys are needed, the "
            "instance's."
        ),
    ]
    state: Annotated[
        str, Meta(description="How it ended.", extra_json_schema={"enum": [WON, LOST]})
    ]
    days: Days
    nav: Annotated[int, Meta(description="Net asset value in cents.")]
    seed: Seed
    seedChosen: SeedChosen
    tries: Annotated[
        Count, Meta(description="How often the player had started this level by then.")
    ]
    assisted: Assisted
    ts: Annotated[Timestamp, Meta(description="When.")]


class ResultsMessage(msgspec.Struct, gc=False):
    """How levels have ended."""

    ok: Ok
    results: Annotated[list[ResultMessage], Meta(description="The newest first.")]


def levels_message() -> bytes:
    """The names of all levels."""
    return to_json(LevelsMessage(True, [LevelEntryMessage(name) for name in LEVELS]))


def start_message(instance: LevelInstance, day_seconds: float, restarted: bool = False) -> bytes:
    """What a player needs when an instance starts: the account, and where to trade."""
    return to_json(
        StartedLevelMessage(
            True,
            instance.place.account,
            instance.id,
            dict(instance.level.instructions),
            [instance.place.symbol],
            [instance.place.venue],
            math.ceil(day_seconds),
            BalancesMessage(0) if restarted else UNSET,
        )
    )


def instance_message(instance: LevelInstance, now: int) -> bytes:
    """How an instance stands at `now`, nanoseconds since 1970."""
    standing = instance.standing(now)
    day = standing.trading_day
    return to_json(
        InstanceMessage(
            True,
            standing.state != OPEN,
            instance.id,
            standing.state,
            UNSET if day is None else TradingDaysMessage(day, LAST_DAY),
            standing.flash or UNSET,
        )
    )


def open_instances_message(instances: Iterable[LevelInstance]) -> bytes:
    """Those of a player that are open, by level."""
    return to_json(
        OpenInstancesMessage(
            {each.level.name: OpenInstanceMessage(each.id) for each in instances if each.is_open}
        )
    )


def level_cards_message(
    instances: Iterable[LevelInstance], player: str | None, results: Results, unavailable: str
) -> bytes:
    """All levels for a player with these instances, None for somebody unknown; `unavailable` says
    why a level that needs the tape cannot be started, and is empty where it can.
    """
    found = {each.level.name: each for each in instances if each.is_open}
    return to_json(
        LevelCardsMessage(
            True,
            [
                _card(
                    level,
                    found.get(level.name),
                    None if player is None else results.best(player, level.name),
                    unavailable if level.needs_tape else "",
                )
                for level in LEVELS.values()
            ],
        )
    )


def played_level_message(instance: LevelInstance, now: int, day_seconds: float) -> bytes:
    """An instance for its own page at `now`, nanoseconds since 1970."""
    standing = instance.standing(now)
    message = PlayedLevelMessage(
        ok=True,
        id=instance.id,
        level=instance.level.name,
        title=instance.level.title,
        state=standing.state,
        account=instance.place.account,
        venue=instance.place.venue,
        symbol=instance.place.symbol,
        day=standing.trading_day or 0,
        endOfTheWorldDay=LAST_DAY,
        dayProgress=round(standing.progress, 4),
        secondsPerTradingDay=math.ceil(day_seconds),
        paused=instance.is_paused,
        assisted=instance.assisted,
        isOver=instance.run is None,
        instructions=dict(instance.level.instructions),
        started=timestamp(instance.started),
        flash=standing.flash or UNSET,
    )
    _add_goal(message, standing)
    _add_holding(message, standing)
    if standing.state != OPEN:
        message.days = UNSET if instance.decided_on is None else instance.decided_on
        message.seed, message.seedChosen = instance.seed, instance.seed_chosen
    return to_json(message)


def fills_message(instance: LevelInstance, since: int) -> Steps:
    """The player's fills with a number over `since`, in steps."""
    message = to_json(OwnFillsMessage(True, instance.fill_count, []))
    rows = (to_json(_fill(fill)) for fill in instance.fills(since))
    return list_in_steps(message, with_commas(rows), ROWS_AT_ONCE)


def results_message(results: Iterable[LevelResult]) -> Steps:
    """How levels have ended, in this order, in steps; what is added meanwhile is not told."""
    message = to_json(ResultsMessage(True, []))
    return list_in_steps(message, with_commas(map(_result, list(results))), ROWS_AT_ONCE)


def _card(
    level: Level, instance: LevelInstance | None, best: LevelResult | None, unavailable: str
) -> LevelCardMessage:
    return LevelCardMessage(
        level.name,
        level.title,
        level.goal,
        level.limits,
        LAST_DAY + 1,
        not unavailable,
        unavailable or UNSET,
        UNSET if instance is None else instance.id,
        UNSET
        if best is None
        else BestResultMessage(best.state == WON, best.days, best.nav, best.seed, best.seed_chosen),
    )


def _add_goal(message: PlayedLevelMessage, standing: Standing) -> None:
    goal = standing.goal
    message.goalShares = UNSET if goal.shares is None else goal.shares
    message.goalNav = UNSET if goal.nav is None else goal.nav
    message.positionLimit = UNSET if goal.position_limit is None else goal.position_limit
    message.targetPrice = UNSET if goal.target_price is None else goal.target_price


def _add_holding(message: PlayedLevelMessage, standing: Standing) -> None:
    holding = standing.holding
    if holding is None:
        return
    message.position, message.cash, message.nav = holding.shares, holding.cash, holding.nav
    message.rank = UNSET if standing.rank is None else standing.rank
    if holding.shares > 0:
        message.averagePrice = round(-holding.cash / holding.shares)


def _fill(fill: OwnFill) -> OwnFillMessage:
    return OwnFillMessage(
        fill.number,
        fill.order_id,
        fill.day,
        timestamp(fill.ts),
        SIDE_NAMES[fill.side],
        fill.price,
        fill.quantity,
    )


@lru_cache(maxsize=10_000)
def _result(result: LevelResult) -> bytes:
    """A result never changes, and whoever asks gets all of them."""
    return to_json(
        ResultMessage(
            result.level,
            result.player,
            result.state,
            result.days,
            result.nav,
            result.seed,
            result.seed_chosen,
            result.tries,
            result.assisted,
            timestamp(result.ts),
        )
    )
