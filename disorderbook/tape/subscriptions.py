"""What a listener asks for, and whether it may: read from the URL and headers of its handshake."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from disorderbook.accounts import KEY_COOKIE, Accounts, sent_key
from disorderbook.errors import BadRequest
from disorderbook.exchange import check_name
from disorderbook.logs import without_keys

FORMS = (
    "/ob/api/ws/ACCOUNT/venues/VENUE/tickertape",
    "/ob/api/ws/ACCOUNT/venues/VENUE/tickertape/stocks/SYMBOL",
    "/ob/api/ws/ACCOUNT/venues/VENUE/executions",
    "/ob/api/ws/ACCOUNT/venues/VENUE/executions/stocks/SYMBOL",
)
KEY_PLACES = (
    "HTTP_X_STARFIGHTER_AUTHORIZATION", "HTTP_X_STOCKFIGHTER_AUTHORIZATION", "HTTP_COOKIE",
)

_FORM = re.compile(
    r"(?P<prefix>.*)/ws/(?P<account>[^/]+)/venues/(?P<venue>[^/]+)/(?P<topic>tickertape|executions)"
    r"(?:/stocks/(?P<symbol>[^/]+))?/?"
)
_KEY = re.compile(r".*/key/([^/]+)/ob/api")  # all that stands before /ws/


class NoSuchTape(BadRequest):
    """Names the path, so the sentence is made for each; a key in it is left out."""

    def __init__(self, path: str) -> None:
        named = without_keys(path)
        super().__init__()
        self.sentence = f"{named} is not one of {', '.join(FORMS)}"


class Subscription(NamedTuple):
    """Ticks if `account` is None, else that account's executions; of a whole venue if `symbol`
    is None.
    """

    account: str | None
    venue: str
    symbol: str | None


def subscription(target: str, headers: Mapping[str, str], accounts: Accounts) -> Subscription:
    """What the request for `target` (path and query), with `headers` as in an environ, is to hear;
    raises NoSuchTape, NameTooLong,
    NoKey or WrongKey. Ticks are for everybody: their URL's account is ignored.
    """
    path, _, query = target.partition("?")
    asked = _FORM.fullmatch(re.sub("//+", "/", path))
    if asked is None:
        raise NoSuchTape(path)
    parts = asked.groupdict()
    prefix = parts.pop("prefix")
    names = {part: _decoded(name, path) for part, name in parts.items() if name}
    for name in names.values():
        check_name(name)
    if asked["topic"] == "tickertape":
        return Subscription(None, names["venue"], names.get("symbol"))
    key = sent_key(headers, KEY_PLACES) or _key_before(prefix) or _key_in(query)
    accounts.authorize(names["account"], key)
    return Subscription(names["account"], names["venue"], names.get("symbol"))


def _key_before(prefix: str) -> str | None:
    """The key in what a path begins with."""
    found = _KEY.fullmatch(prefix)
    return _decoded_key(found[1]) if found else None


def _key_in(query: str) -> str | None:
    """The key in a query, in which + is a plus: keys are no forms."""
    for field in query.split("&"):
        name, _, value = field.partition("=")
        if name == KEY_COOKIE and value:
            return _decoded_key(value)
    return None


def _decoded_key(key: str) -> str:
    return unquote_to_bytes(key.encode("latin-1")).decode("utf-8", "replace")


def _decoded(name: str, path: str) -> str:
    """A name out of a path as HTTP has it: bytes that are read as Latin-1."""
    try:
        return unquote_to_bytes(name.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise NoSuchTape(path) from None
