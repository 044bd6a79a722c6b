"""The routes of the admin, below ADMIN, and what everybody is told of what the admin has done.

Those below ADMIN are there only where an admin's key was given, and the application asks for that
key before it looks at anything else. So they may be asked through a proxy, too, and without
--accounts they need it as well. The exchange's lock is held where a handler is called.
"""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from disorderbook.accounts import Accounts, Admin
from disorderbook.admin.actions import AdminActions, Changes
from disorderbook.admin.notices import (
    ANNOUNCEMENT,
    COUNTDOWN,
    LONGEST_ANNOUNCEMENT,
    LONGEST_CAPTION,
    LONGEST_COUNTDOWN,
    Notices,
)
from disorderbook.control.control import HALTED
from disorderbook.control.routes import A_NAME, Halt, known_fields
from disorderbook.errors import IllegalValue, MissingField, WrongType
from disorderbook.exchange import Exchange
from disorderbook.ledger.base import StoredAction
from disorderbook.protocol.fields import Account, Ok, Price, Symbol, Timestamp, Venue
from disorderbook.protocol.messages import HEARTBEAT
from disorderbook.protocol.names import (
    MAX_NAME_LENGTH,
    MAX_PRICE,
    detail_of,
    missing,
    timestamp,
)
from disorderbook.protocol.parse import Fields, is_text
from disorderbook.protocol.route import Answer, Request, Route, Steps, changed_in_steps

MOST_TOLD = 100  # halts, and settlements, in what everybody is told


class Settlement(msgspec.Struct, frozen=True, gc=False):
    """A stock that is closed for good."""

    venue: Venue
    symbol: Symbol
    price: Annotated[Price, Meta(description="Cents that a share counts now.")]


class Announcement(msgspec.Struct, frozen=True, gc=False):
    """What the admin tells everybody."""

    text: Annotated[
        str, Meta(description="One line.", min_length=1, max_length=LONGEST_ANNOUNCEMENT)
    ]
    ts: Annotated[Timestamp, Meta(description="When it was made, on the exchange's clock.")]


class Countdown(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """How long something takes."""

    text: Annotated[
        str, Meta(description='One line; "" if it has none.', max_length=LONGEST_CAPTION)
    ]
    ends_at: Annotated[Timestamp, Meta(description="When it ends, on the exchange's clock.")]
    seconds: Annotated[
        float,
        Meta(
            description="How long that is from now on, on that clock; 0 once it is over.",
            ge=0,
            le=LONGEST_COUNTDOWN,
        ),
    ]


class NoticesMessage(msgspec.Struct, frozen=True, gc=False):
    """What everybody is told of what the admin has done."""

    ok: Ok
    halts: Annotated[
        list[Halt],
        Meta(description=f"Stocks that take no orders now, the first {MOST_TOLD}."),
    ]
    settlements: Annotated[
        list[Settlement],
        Meta(description=f"Stocks that are closed for good, the first {MOST_TOLD}."),
    ]
    announcement: Announcement | UnsetType = UNSET
    countdown: Countdown | UnsetType = UNSET


class AdminAction(msgspec.Struct, frozen=True, gc=False):
    """Something that the admin has done."""

    ts: Annotated[Timestamp, Meta(description="When, on the exchange's clock.")]
    action: Annotated[
        str, Meta(description="The last part of the path of its route.", examples=["halt"])
    ]
    venue: Venue | UnsetType = UNSET
    symbol: Symbol | UnsetType = UNSET
    account: Account | UnsetType = UNSET
    detail: (
        Annotated[str, Meta(description="What else there is to say, such as a price.")] | UnsetType
    ) = UNSET


class AdminMessage(msgspec.Struct, frozen=True, gc=False):
    """What the admin has in force, and has done."""

    ok: Ok
    halts: Annotated[list[Halt], Meta(description="All stocks that take no orders now.")]
    settlements: Annotated[
        list[Settlement], Meta(description="All stocks that are closed for good.")
    ]
    frozen: Annotated[list[Venue], Meta(description="Venues whose scores are frozen.")]
    actions: Annotated[
        list[AdminAction], Meta(description="The latest, at most 100, oldest first.")
    ]
    accounts: (
        Annotated[list[Account], Meta(description="Those that have a key, where keys are needed.")]
        | UnsetType
    ) = UNSET
    announcement: Announcement | UnsetType = UNSET
    countdown: Countdown | UnsetType = UNSET


class CancelledMessage(msgspec.Struct, frozen=True, gc=False):
    """How many orders of an account were cancelled."""

    ok: Ok
    account: Account
    cancelled: Annotated[int, Meta(description="Orders that were open.", ge=0)]


class NewKeyMessage(msgspec.Struct, frozen=True, gc=False):
    """The key of an account that has just got one, which nothing tells again."""

    ok: Ok
    account: Account
    key: Annotated[str, Meta(description="Its key.")]


class NoticeRoutes:
    """The handlers of the table ROUTES, for everybody."""

    def __init__(self, exchange: Exchange, notices: Notices) -> None:
        self._exchange, self._notices = exchange, notices

    def notices(self, request: Request) -> Answer:
        exchange = self._exchange
        return msgspec.json.encode(
            NoticesMessage(
                True,
                [Halt(*each) for each in exchange.halts()[:MOST_TOLD]],
                [Settlement(*each) for each in exchange.settlements()[:MOST_TOLD]],
                announcement_of(self._notices),
                countdown_of(self._notices),
            )
        )


class AdminRoutes:
    """The handlers of the table ADMIN_ROUTES; each answers with JSON or raises an ExchangeError,
    and then nothing has changed.
    """

    def __init__(self, exchange: Exchange, accounts: Accounts, actions: AdminActions) -> None:
        self._exchange, self._accounts, self._actions = exchange, accounts, actions

    def in_force(self, request: Request) -> Answer:
        exchange, accounts, notices = self._exchange, self._accounts, self._actions.notices
        return msgspec.json.encode(
            AdminMessage(
                True,
                [Halt(*each) for each in exchange.halts()],
                [Settlement(*each) for each in exchange.settlements()],
                self._actions.frozen(),
                [_action(each) for each in self._actions.record.newest()],
                accounts.names() if accounts.need_keys else UNSET,
                announcement_of(notices),
                countdown_of(notices),
            )
        )

    def open(self, request: Request) -> Answer:
        fields = known_fields(request.body, "venue", "symbol", "halted")
        self._actions.open(_name(fields, "venue"), _name(fields, "symbol"), _flag(fields, "halted"))
        return HEARTBEAT

    def halt(self, request: Request) -> Answer:
        fields = known_fields(request.body, "venue", "symbol", "reason")
        reason = _text(fields, "reason", HALTED, MAX_NAME_LENGTH)
        return self._done(self._actions.halt(*_place(fields), reason))

    def resume(self, request: Request) -> Answer:
        place = _place(known_fields(request.body, "venue", "symbol"))
        return self._done(self._actions.resume(*place))

    def settle(self, request: Request) -> Answer:
        fields = known_fields(request.body, "venue", "symbol", "price")
        price = _number(fields, "price", MAX_PRICE, "cents") if "price" in fields else None
        return self._done(self._actions.settle(*_place(fields), price))

    def reset(self, request: Request) -> Answer:
        fields = known_fields(request.body, "venue", "symbol")
        self._actions.reset(_name(fields, "venue"), _name(fields, "symbol"))
        return HEARTBEAT

    def cancel(self, request: Request) -> Answer:
        fields = known_fields(request.body, "account", "venue", "symbol")
        account, venue = _name(fields, "account"), _name_or_none(fields, "venue")
        symbol = _name_or_none(fields, "symbol")
        if symbol is not None and venue is None:
            raise MissingField(missing("venue", f"{A_NAME}, where symbol is one"))
        return self._cancelled(self._actions.cancel(account, venue, symbol), account)

    def expel(self, request: Request) -> Answer:
        account = _account(request)
        return self._cancelled(self._actions.expel(account), account)

    def add(self, request: Request) -> Answer:
        account = _account(request)
        return msgspec.json.encode(NewKeyMessage(True, account, self._actions.add(account)))

    def rekey(self, request: Request) -> Answer:
        account = _account(request)
        return msgspec.json.encode(NewKeyMessage(True, account, self._actions.rekey(account)))

    def announce(self, request: Request) -> Answer:
        fields = known_fields(request.body, "text")
        if "text" not in fields:
            raise MissingField(missing("text", _line(LONGEST_ANNOUNCEMENT)))
        self._actions.announce(_text(fields, "text", "", LONGEST_ANNOUNCEMENT))
        return HEARTBEAT

    def countdown(self, request: Request) -> Answer:
        fields = known_fields(request.body, "seconds", "text")
        seconds = _number(fields, "seconds", LONGEST_COUNTDOWN, "seconds")
        self._actions.count_down(seconds, _text(fields, "text", "", LONGEST_CAPTION))
        return HEARTBEAT

    def freeze(self, request: Request) -> Answer:
        self._actions.freeze(_name(known_fields(request.body, "venue"), "venue"))
        return HEARTBEAT

    def reveal(self, request: Request) -> Answer:
        self._actions.reveal(_name(known_fields(request.body, "venue"), "venue"))
        return HEARTBEAT

    def _done(self, changes: Changes) -> Answer:
        """That it is done, in the end."""
        return changed_in_steps(self._in_steps(changes, lambda _: HEARTBEAT), self._exchange.lock)

    def _cancelled(self, changes: Changes, account: str) -> Answer:
        """How many orders it was in the end."""

        def told(count: int) -> bytes:
            return msgspec.json.encode(CancelledMessage(True, account, count))

        return changed_in_steps(self._in_steps(changes, told), self._exchange.lock)

    def _in_steps(self, changes: Changes, told: Callable[[int], bytes]) -> Steps:
        """What the application calls is committed with all that it does. A later step commits by
        itself where the server does not do that before it sends what the step has made.
        """
        is_later, count = False, None
        while count is None:
            try:
                next(changes)
            except StopIteration as last:
                count = last.value
            if is_later and not self._exchange.group_commit:
                self._exchange.commit()
            if count is None:
                is_later = True
                yield b""
        return told(count)


def key_needed(admin: Admin, handler: Callable[..., Answer]) -> Callable[..., Answer]:
    """A handler that refuses whoever does not send the admin's key, before it looks at anything
    else, and asks neither whether others need keys nor whether there is a proxy in between.
    """

    def handle(request: Request, **names: str) -> Answer:
        admin.require_key(request.key)
        return handler(request, **names)

    return handle


def announcement_of(notices: Notices) -> Announcement | UnsetType:
    notice = notices.find(ANNOUNCEMENT)
    return UNSET if notice is None else Announcement(notice.text, timestamp(notice.ts))


def countdown_of(notices: Notices) -> Countdown | UnsetType:
    notice = notices.find(COUNTDOWN)
    if notice is None or notice.ends_at is None:
        return UNSET
    seconds = round(max(0.0, notices.seconds_left(notice)), 3)
    return Countdown(notice.text, timestamp(notice.ends_at), seconds)


def _action(done: StoredAction) -> AdminAction:
    said: dict[str, Any] = {
        name: UNSET if value is None else value for name, value in done._asdict().items()
    }
    return AdminAction(**said | {"ts": timestamp(done.ts)})


def _account(request: Request) -> str:
    return _name(known_fields(request.body, "account"), "account")


def _place(fields: Fields) -> tuple[str, str | None]:
    """A venue, and a stock of it or None for all."""
    return _name(fields, "venue"), _name_or_none(fields, "symbol")


def _name(fields: Fields, field: str) -> str:
    """A name in a body; raises MissingField, WrongType, IllegalValue."""
    name = _name_or_none(fields, field)
    if name is None:
        raise MissingField(missing(field, A_NAME))
    return name


def _name_or_none(fields: Fields, field: str) -> str | None:
    """As `_name`; None if the body has none. A null is one of the wrong type: who says that a stock
    is meant must not have all of them.
    """
    if field not in fields:
        return None
    name = fields[field]
    if not isinstance(name, str):
        raise WrongType(detail_of(field, name, A_NAME))
    if not 1 <= len(name) <= MAX_NAME_LENGTH or not is_text(name):
        raise IllegalValue(detail_of(field, name, A_NAME))
    return name


def _text(fields: Fields, field: str, default: str, longest: int) -> str:
    """A line of a body, which may be empty; raises WrongType, IllegalValue."""
    text = fields.get(field, default)
    if not isinstance(text, str):
        raise WrongType(detail_of(field, text, _line(longest)))
    if len(text) > longest or not text.isprintable():
        raise IllegalValue(detail_of(field, text, _line(longest)))
    return text


def _line(longest: int) -> str:
    return f"a string of 0 to {longest} characters that can be printed"


def _number(fields: Fields, field: str, most: int, unit: str) -> int:
    """A whole number from 0 to `most`; raises MissingField, WrongType, IllegalValue."""
    rule = f"a whole number of {unit} from 0 to {most}"
    if field not in fields:
        raise MissingField(missing(field, rule))
    number = fields[field]
    if isinstance(number, bool) or not isinstance(number, int):
        raise WrongType(detail_of(field, number, rule))
    if not 0 <= number <= most:
        raise IllegalValue(detail_of(field, number, rule))
    return number


def _flag(fields: Fields, field: str) -> bool:
    """False if the body does not have it; raises WrongType."""
    flag = fields.get(field, False)
    if not isinstance(flag, bool):
        raise WrongType(detail_of(field, flag, "true or false"))
    return flag


ADMIN = "/api/v1/admin"

ROUTES: list[Route] = [("GET", "/api/v1/notices", NoticeRoutes.notices)]

ADMIN_ROUTES: list[Route] = [
    ("GET", ADMIN, AdminRoutes.in_force),
    ("POST", f"{ADMIN}/open", AdminRoutes.open),
    ("POST", f"{ADMIN}/halt", AdminRoutes.halt),
    ("POST", f"{ADMIN}/resume", AdminRoutes.resume),
    ("POST", f"{ADMIN}/settle", AdminRoutes.settle),
    ("POST", f"{ADMIN}/reset", AdminRoutes.reset),
    ("POST", f"{ADMIN}/cancel", AdminRoutes.cancel),
    ("POST", f"{ADMIN}/expel", AdminRoutes.expel),
    ("POST", f"{ADMIN}/add", AdminRoutes.add),
    ("POST", f"{ADMIN}/rekey", AdminRoutes.rekey),
    ("POST", f"{ADMIN}/announce", AdminRoutes.announce),
    ("POST", f"{ADMIN}/countdown", AdminRoutes.countdown),
    ("POST", f"{ADMIN}/freeze", AdminRoutes.freeze),
    ("POST", f"{ADMIN}/reveal", AdminRoutes.reveal),
]
