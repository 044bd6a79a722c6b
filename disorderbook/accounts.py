"""Who may act for whom: account names and their keys."""

import hmac
from collections.abc import Mapping, Sequence

from disorderbook.errors import NoKey, WrongKey
from disorderbook.exchange import MAX_NAME_LENGTH

KEY_COOKIE = "api_key"
MAX_KEY_BYTES = 1024  # in UTF-8
KEY_RULE = (
    f"a key has 1 to {MAX_KEY_BYTES} bytes that can be printed and no semicolon, and neither begins"
    " nor ends with a blank or a quotation mark"
)


class Accounts:
    """In authentication mode `keys` holds the key of each account; without it anybody may act
    for any account.

    `version` grows whenever the keys are replaced, which may happen on any thread: each method
    looks once at one set of keys.
    """

    def __init__(self, keys: Mapping[str, str] | None = None) -> None:
        self._keys = None if keys is None else _encoded(keys)
        self.version = 0

    @property
    def need_keys(self) -> bool:
        """Whether the server is in authentication mode."""
        return self._keys is not None

    def replace(self, keys: Mapping[str, str]) -> None:
        """Go by these keys from now on; whoever has been let in by a key that is gone finds out by
        the version.
        """
        self._keys = _encoded(keys)
        self.version += 1

    def authorize(self, account: str, key: str | None) -> None:
        """Raise NoKey or WrongKey unless `key` allows acting for `account`."""
        keys = self._keys
        if keys is None:
            return
        if key is None:
            raise NoKey
        expected = keys.get(account)
        # The comparison takes the same time for an unknown account as for a wrong key.
        matches = hmac.compare_digest(expected or b"", key.encode(errors="replace"))
        if expected is None or not matches:
            raise WrongKey

    def account_of(self, key: str | None) -> str | None:
        """The account whose key this is, None without authentication; raises NoKey, WrongKey."""
        if self._keys is None:
            return None
        if key is None:
            raise NoKey
        owner = self.owner_of(key)
        if owner is None:
            raise WrongKey
        return owner

    def owner_of(self, key: str | None) -> str | None:
        """The account whose key this is; None if it is nobody's, or without authentication."""
        keys = self._keys
        if keys is None or key is None:
            return None
        sent = key.encode(errors="replace")
        # All are compared, so that the time tells nothing.
        owners = [a for a, k in keys.items() if hmac.compare_digest(k, sent)]
        return owners[0] if owners else None


def sent_key(headers: Mapping[str, str], places: Sequence[str]) -> str | None:
    """The key that came with a request, from the first place that has one.

    `places` are the names that `headers` has for X-Starfighter-Authorization,
    X-Stockfighter-Authorization and Cookie; their values are bytes read as Latin-1.
    """
    starfighter, stockfighter, cookies = places
    key = headers.get(starfighter) or headers.get(stockfighter)
    if not key and cookies in headers:
        key = _cookie(headers[cookies], KEY_COOKIE)
    return _text(key) if key else None


def check_keys(where: str, keys: object) -> None:
    """Raise ValueError unless these are names and keys, each of which can be sent and is nobody
    else's. The sentence begins with `where` and names accounts, but no key.
    """
    if not isinstance(keys, dict):
        raise ValueError(f"{where} must hold a JSON object of account names and keys, all strings")
    if not keys:
        raise ValueError(f"{where} names no account, so nobody could trade")
    owners: dict[str, str] = {}
    for account, key in keys.items():
        if not _can_be_named(account):
            raise ValueError(f"{where} has an account that cannot be named: {account!r:.40}")
        if not isinstance(key, str):
            raise ValueError(f"{where} must hold strings, and the key of {account!r} is none")
        if not can_be_sent(key):
            raise ValueError(
                f"{where} has a key that cannot be sent, for the account {account!r}: {KEY_RULE}"
            )
        if key in owners:
            raise ValueError(
                f"{where} gives the same key to two accounts, {owners[key]!r} and {account!r}"
            )
        owners[key] = account


def _can_be_named(account: object) -> bool:
    return (
        isinstance(account, str) and 1 <= len(account) <= MAX_NAME_LENGTH
        and account.isprintable()
    )


def can_be_sent(key: str) -> bool:
    """Whether a key arrives as it is wherever it may stand: a header and a cookie lose blanks at
    the ends, a cookie ends at a semicolon and may stand in quotation marks.
    """
    return (
        key.isprintable() and 1 <= len(key.encode()) <= MAX_KEY_BYTES
        and key == key.strip().strip('"') and ";" not in key
    )


def _encoded(keys: Mapping[str, str]) -> dict[str, bytes]:
    return {account: key.encode() for account, key in keys.items()}


def _cookie(header: str, wanted: str) -> str:
    """The value of a cookie, "" without one. Python's own parser gives up at any odd cookie, and
    those of all servers on this machine come along, since cookies do not know ports.
    """
    for cookie in header.split(";"):
        name, _, value = cookie.partition("=")
        if name.strip() == wanted:
            return value.strip().strip('"')
    return ""


def _text(header: str) -> str:
    """A header as its sender meant it."""
    return header.encode("latin-1", "replace").decode("utf-8", "replace")
