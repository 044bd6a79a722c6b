"""Who may act for whom: account names and their keys."""

import hmac
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from disorderbook.errors import NoKey, WrongKey
from disorderbook.exchange import MAX_NAME_LENGTH

KEY_COOKIE = "api_key"


class Accounts:
    """In authentication mode `keys` holds the key of each account; without it anybody may act
    for any account.
    """

    def __init__(self, keys: Mapping[str, str] | None = None) -> None:
        self._keys = None if keys is None else {
            account: key.encode() for account, key in keys.items()
        }

    @property
    def need_keys(self) -> bool:
        """Whether the server is in authentication mode."""
        return self._keys is not None

    def authorize(self, account: str, key: str | None) -> None:
        """Raise NoKey or WrongKey unless `key` allows acting for `account`."""
        if self._keys is None:
            return
        if key is None:
            raise NoKey
        expected = self._keys.get(account)
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
        if self._keys is None or key is None:
            return None
        sent = key.encode(errors="replace")
        # All are compared, so that the time tells nothing.
        owners = [a for a, k in self._keys.items() if hmac.compare_digest(k, sent)]
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


def load_accounts(path: str) -> Accounts:
    """Read a JSON object of account names and keys, which must be such as can be sent.

    Raises OSError, or ValueError with a sentence that begins with the path.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        keys = json.loads(text, object_pairs_hook=_without_repetition)
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply to hold accounts") from None
    except ValueError as fault:
        raise ValueError(f"{path} is not valid JSON: {fault}") from None
    check_keys(path, keys)
    return Accounts(keys)


def check_keys(path: str, keys: object) -> None:
    """Raise ValueError, with a sentence that begins with the path, unless these are names and keys
    and each of them can be sent.
    """
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise ValueError(f"{path} must hold a JSON object of account names and keys, all strings")
    if not keys:
        raise ValueError(f"{path} names no account, so nobody could trade")
    for account, key in keys.items():
        if not 1 <= len(account) <= MAX_NAME_LENGTH or not account.isprintable():
            raise ValueError(f"{path} has an account that cannot be named: {account[:20]!r}")
        if not key or key != key.strip() or not key.isprintable():
            raise ValueError(f"{path} has a key that cannot be sent, for the account {account!r}")
    if len(set(keys.values())) < len(keys):
        raise ValueError(f"{path} gives the same key to two accounts")


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name stands there twice")
    return members


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
