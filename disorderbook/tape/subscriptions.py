"""What a listener asks for, and whether it may: read from the URL and headers of its handshake."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qs, unquote_to_bytes

from disorderbook.accounts import KEY_COOKIE, Accounts, sent_key
from disorderbook.errors import BadRequest
from disorderbook.exchange import check_name

FORMS = (
    "/ob/api/ws/ACCOUNT/venues/VENUE/tickertape",
    "/ob/api/ws/ACCOUNT/venues/VENUE/tickertape/stocks/SYMBOL",
    "/ob/api/ws/ACCOUNT/venues/VENUE/executions",
    "/ob/api/ws/ACCOUNT/venues/VENUE/executions/stocks/SYMBOL",
)
KEY_PLACES = ("X-Starfighter-Authorization", "X-Stockfighter-Authorization", "Cookie")

_FORM = re.compile(
    r".*/ws/(?P<account>[^/]+)/venues/(?P<venue>[^/]+)/(?P<topic>tickertape|executions)"
    r"(?:/stocks/(?P<symbol>[^/]+))?/?"
)


class NoSuchTape(BadRequest):
    """Names the path, so the sentence is made for each."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.sentence = f"{path} is not one of {', '.join(FORMS)}"


class Subscription(NamedTuple):
    """Ticks if `account` is None, else that account's executions; of a whole venue if `symbol`
    is None.
    """

    account: str | None
    venue: str
    symbol: str | None


def subscription(target: str, headers: Mapping[str, str], accounts: Accounts) -> Subscription:
    """What the request for `target` (path and query) is to hear; raises NoSuchTape, NameTooLong,
    NoKey or WrongKey. Ticks are for everybody: their URL's account is ignored.
    """
    path, _, query = target.partition("?")
    asked = _FORM.fullmatch(path)
    if asked is None:
        raise NoSuchTape(path)
    names = {part: _decoded(name, path) for part, name in asked.groupdict().items() if name}
    for name in names.values():
        check_name(name)
    if asked["topic"] == "tickertape":
        return Subscription(None, names["venue"], names.get("symbol"))
    key = sent_key(headers, KEY_PLACES) or parse_qs(query).get(KEY_COOKIE, [None])[0]
    accounts.authorize(names["account"], key)
    return Subscription(names["account"], names["venue"], names.get("symbol"))


def _decoded(name: str, path: str) -> str:
    """A name out of a path as HTTP has it: bytes that are read as Latin-1."""
    try:
        return unquote_to_bytes(name.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise NoSuchTape(path) from None
