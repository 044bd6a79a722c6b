"""Who may act for whom: account names and their keys, and the file that holds them.

A key belongs to one account and never appears in a log line or an error. The file is read at the
start, and again whenever it has changed. A file that cannot be used changes nothing, and the log
says why. Editors write files in several steps; a JSON object of which a part is missing is not
valid, so a half-written file is not used.
"""

import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import stat
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from disorderbook.errors import (
    CannotChangeAccounts,
    ForwardedRequest,
    NoKey,
    NotAdmin,
    Unauthorized,
    VenueClosed,
    WrongKey,
)
from disorderbook.process.periodic import Periodic
from disorderbook.protocol.names import MAX_NAME_LENGTH

KEY_COOKIE = "api_key"
MAX_KEY_BYTES = 1024  # in UTF-8
CHECK_SECONDS = 1.0  # between two looks at the file
MOST_ATTEMPTS = 10  # to write the file while somebody else does

KEY_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that look alike on paper
KEY_GROUPS = 3  # of four letters: 59 bits of chance
ADMIN_KEY_GROUPS = 6

KEY_RULE = (
    f"a key has 1 to {MAX_KEY_BYTES} bytes that can be printed and no semicolon, and neither begins"
    " nor ends with a blank or a quotation mark"
)

PLAYER_RULE = (
    "the venue is a level's, where nobody trades but its player and its bots; allowed: the account"
    " that its start named, with the key that started it, or without one if it was started so"
)

log = logging.getLogger(__name__)

Keys = dict[str, str]  # by account
Change = Callable[[Keys], None]
"""Changes the keys it is given, or raises an ExchangeError."""

_State = tuple[int, ...] | None  # of a file; None if there is none
_NO_FILE: _State = ()


class PrivateVenue(NamedTuple):
    """A venue where one player trades, for one account, and otherwise bots in this process.

    `player` is as `Accounts.player_of` gives it. `is_leaky`: the venue tells whose orders are
    whose, and everybody's executions to everybody.
    """

    player: str
    account: str
    is_leaky: bool = False


class Accounts:
    """In authentication mode `keys` holds the key of each account; without keys anybody may act
    for any account. At a venue in `private` its own player may act, for his account there, and
    nobody else for any.

    No lock is needed: any thread may replace the keys, and each method reads them once. `version`
    grows with each replacement, and when a private venue is closed.
    """

    def __init__(self, keys: Mapping[str, str] | None = None) -> None:
        self._keys = None if keys is None else _encoded(keys)
        self.need_keys = keys is not None  # whether the server is in authentication mode
        self.change_file: Callable[[Change], None] | None = None  # where the keys are of a file
        self.version = 0
        self.private: dict[str, PrivateVenue] = {}
        self._closed: set[str] = set()  # venues that were private

    def open_venue(self, venue: str, private: PrivateVenue) -> None:
        """From now on this player may act at a venue, and nobody else."""
        self._closed.discard(venue)
        self.private[venue] = private

    def close_venue(self, venue: str) -> None:
        """Close a private venue for good: from now on nobody may act or listen there."""
        self._closed.add(venue)
        self.private.pop(venue, None)
        self.version += 1

    def closed_venues(self) -> list[str]:
        """Those that were private."""
        return sorted(self._closed)

    def open_all_venues(self) -> None:
        """No venue is private, or was: whoever listens at one has to be let in anew."""
        self.private.clear()
        self._closed.clear()
        self.version += 1

    def replace(self, keys: Mapping[str, str]) -> None:
        """Use these keys from now on. Whoever has accepted an older key sees that in `version`."""
        self._keys = _encoded(keys)
        self.version += 1

    def names(self) -> list[str]:
        """The accounts that have a key, in the order of the file; none where no keys are needed."""
        return list(self._keys or ())

    def change(self, change: Change) -> None:
        """Have other keys from now on, in their file as well if they are of one. Raises what
        `change` does, or CannotChangeAccounts; then nothing has changed. The caller has seen to it
        that keys are needed, and calls it in one thread at a time.
        """
        if self.change_file is not None:
            self.change_file(change)
            return
        keys = {account: key.decode() for account, key in (self._keys or {}).items()}
        _change(keys, change, "what is to be written")
        self.replace(keys)

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

    def authorize_at(self, venue: str, account: str, key: str | None) -> None:
        """Raise NoKey or WrongKey unless `key` allows acting for `account` at a venue."""
        private = self.private.get(venue)
        if private is None:
            self.authorize(account, key)
        elif account != private.account or self.player_of(key) != private.player:
            raise WrongKey(PLAYER_RULE)

    def authorize_listening(self, venue: str, account: str, key: str | None) -> None:
        """Raise NoKey, WrongKey or VenueClosed unless `key` allows hearing of an account's trades.

        Where no keys are needed, a listener to a player's account need not send the player's: most
        programs send none with a handshake.
        """
        self.require_open(venue)
        private = self.private.get(venue)
        if private is not None and private.is_leaky:
            return
        if private is not None and not self.need_keys and key is None:
            if account != private.account:
                raise WrongKey
            return
        self.authorize_at(venue, account, key)

    def require_open(self, venue: str) -> None:
        """Raise VenueClosed for a venue that was private."""
        if venue in self._closed:
            raise VenueClosed(venue)

    def player_of(self, key: str | None) -> str:
        """Who plays levels with this key: the account of the key's holder. Without authentication
        that is whoever sends the same key, under a name that does not tell it; "" without one.

        Raises NoKey, WrongKey.
        """
        holder = self.account_of(key)
        if holder is not None:
            return holder
        return "" if key is None else hashlib.sha256(key.encode(errors="replace")).hexdigest()

    def is_listed(self, account: str) -> bool:
        """Whether an account has a key now, or none is needed."""
        keys = self._keys
        return keys is None or account in keys

    def account_at(self, venue: str, key: str | None) -> str | None:
        """The account for which this key acts at a venue; None if there is none, and at ordinary
        venues without authentication.
        """
        private = self.private.get(venue)
        if private is None:
            return self.owner_of(key)
        try:
            return private.account if self.player_of(key) == private.player else None
        except Unauthorized:
            return None

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
        # All are compared, so that the time does not depend on which one matches.
        owners = [a for a, k in keys.items() if hmac.compare_digest(k, sent)]
        return owners[0] if owners else None


class Admin:
    """Who may control the market itself, and move its clock: the holder of `key`. Without one that
    is anybody on this machine if no keys are needed, and else nobody.
    """

    def __init__(self, accounts: Accounts, key: str | None = None) -> None:
        self._accounts = accounts
        self._key = None if key is None else key.encode()

    def authorize(self, key: str | None, is_forwarded: bool) -> None:
        """Raise NotAdmin unless this key may, and ForwardedRequest for what came through a proxy,
        behind which everybody seems to be on this machine.
        """
        if is_forwarded:
            raise ForwardedRequest
        if self._key is None and not self._accounts.need_keys:
            return
        self.require_key(key)

    def require_key(self, key: str | None) -> None:
        """Raise NotAdmin unless this is the admin's key, whoever else may control the market."""
        if not self.is_admin(key):
            raise NotAdmin

    def is_admin(self, key: str | None) -> bool:
        """Whether this is the admin's key; never if there is none."""
        if self._key is None or key is None:
            return False
        return hmac.compare_digest(self._key, key.encode(errors="replace"))


def read_admin_key(path: str) -> str:
    """The one line of a file, in UTF-8, which is a key such as can be sent. Raises OSError, or
    ValueError with a sentence that begins with the path and does not name the key.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no UTF-8 text") from None
    lines = text.splitlines()
    if len(lines) != 1:
        raise ValueError(f"{path} must hold the key in one line, and has {len(lines)} lines")
    check_admin_key(path, lines[0])
    return lines[0]


def check_admin_key(where: str, key: str, accounts: Accounts | None = None) -> None:
    """Raise ValueError, with a sentence that begins with `where`, for a key that cannot be sent, or
    that is an account's as well.
    """
    if not can_be_sent(key):
        raise ValueError(f"{where} has a key that cannot be sent: {KEY_RULE}")
    if accounts is not None and accounts.owner_of(key) is not None:
        raise ValueError(f"{where} has a key that is an account's as well")


def sent_key(headers: Mapping[str, str], places: Sequence[str]) -> str | None:
    """The key that came with a request, from the first place that has one; None without a key.

    `places` are the names that `headers` has for X-Starfighter-Authorization,
    X-Stockfighter-Authorization and Cookie; their values are bytes read as Latin-1.
    """
    starfighter, stockfighter, cookies = places
    key = headers.get(starfighter) or headers.get(stockfighter)
    if not key and cookies in headers:
        key = _cookie(headers[cookies], KEY_COOKIE)
    return _text(key) if key else None


def new_key(groups: int = KEY_GROUPS) -> str:
    """A key that nobody guesses and that can be typed from paper, such as h7kq-2mnr-x4tz."""
    return "-".join("".join(secrets.choice(KEY_LETTERS) for _ in range(4)) for _ in range(groups))


def check_keys(where: str, keys: object) -> None:
    """Raise ValueError unless these are names and keys, and each key can be sent and belongs to one
    account. The sentence begins with `where` and names accounts, but no key.
    """
    if not isinstance(keys, dict):
        raise ValueError(f"{where} must hold a JSON object of account names and keys, all strings")
    if not keys:
        raise ValueError(f"{where} names no account, so nobody could trade")
    owners: dict[str, str] = {}
    for account, key in keys.items():
        if not can_be_named(account):
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


def can_be_named(account: object) -> bool:
    """Whether an account can be called so: a string of 1 to MAX_NAME_LENGTH characters that can be
    printed.
    """
    return (
        isinstance(account, str) and 1 <= len(account) <= MAX_NAME_LENGTH and account.isprintable()
    )


def can_be_sent(key: str) -> bool:
    """Whether a key arrives unchanged in a header and in a cookie. Both lose blanks at the ends; a
    cookie ends at a semicolon, and may stand in quotation marks.
    """
    return (
        key.isprintable()
        and 1 <= len(key.encode()) <= MAX_KEY_BYTES
        and key == key.strip().strip('"')
        and ";" not in key
    )


def _encoded(keys: Mapping[str, str]) -> dict[str, bytes]:
    return {account: key.encode() for account, key in keys.items()}


def _cookie(header: str, wanted: str) -> str:
    """The value of a cookie, "" without one.

    Python's own parser gives up at any odd cookie, and a browser sends the cookies of all servers
    on this machine, since cookies do not know ports.
    """
    for cookie in header.split(";"):
        name, _, value = cookie.partition("=")
        if name.strip() == wanted:
            return value.strip().strip('"')
    return ""


def _text(header: str) -> str:
    """A header's bytes read as UTF-8, which is what its sender has meant."""
    return header.encode("latin-1", "replace").decode("utf-8", "replace")


class AccountsFile:
    """The `accounts` of a file; within a `with` block they are read again when it changes.

    The constructor raises OSError, or ValueError with a sentence that begins with the path.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._state = _state_of(path)
        self.accounts = Accounts(read_keys(path))
        self.accounts.change_file = self.change
        self._lock = threading.Lock()  # around what is read and written, in whatever thread
        self._poller = Periodic("accounts", CHECK_SECONDS, self.check)

    def __enter__(self) -> Accounts:
        self._poller.start()
        return self.accounts

    def __exit__(self, *_: object) -> None:
        self._poller.stop()

    def check(self) -> None:
        """Read the file again if it has changed since the last check."""
        with self._lock:
            self._check()

    def change(self, change: Change) -> None:
        """Change the keys in the file, which is read first, so that what somebody has just written
        by hand stays, and replaced as a whole. It keeps its permissions, the order of its accounts
        and its indent, and is in UTF-8 afterwards. Raises as `Accounts.change` does.
        """
        with self._lock:
            for _ in range(MOST_ATTEMPTS):
                state = _state_of(self._path)
                if state is None or state == _NO_FILE:
                    raise CannotChangeAccounts(f"{self._path} is no ordinary file")
                keys, text = self._read()
                _change(keys, change, self._path)
                if self._write(_as_text(keys, text), state):
                    self._state = _state_of(self._path)
                    self.accounts.replace(keys)
                    return
        raise CannotChangeAccounts(f"somebody else writes {self._path} all the time")

    def _read(self) -> tuple[Keys, bytes]:
        """The keys, and the text that holds them; raises CannotChangeAccounts."""
        try:
            return read_keys(self._path), Path(self._path).read_bytes()
        except OSError as fault:
            raise CannotChangeAccounts(f"{self._path} cannot be read: {fault.strerror}") from None
        except ValueError as fault:
            raise CannotChangeAccounts(str(fault)) from None

    def _write(self, text: bytes, state: _State) -> bool:
        """Put a text into the place of the file, unless that is not in this state any more; returns
        whether it was. Raises CannotChangeAccounts.
        """
        file = Path(os.path.realpath(self._path))
        try:
            old = os.stat(file)
            descriptor, name = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
            try:
                with open(descriptor, "wb") as new:
                    new.write(text)
                    new.flush()
                    os.fsync(descriptor)
                os.chmod(name, stat.S_IMODE(old.st_mode))
                with suppress(OSError):  # only root may give a file to others
                    os.chown(name, old.st_uid, old.st_gid)
                if _state_of(self._path) != state:
                    return False
                os.replace(name, file)
            finally:
                Path(name).unlink(missing_ok=True)
        except OSError as fault:
            raise CannotChangeAccounts(
                f"{self._path} cannot be written: {fault.strerror}"
            ) from None
        return True

    def _check(self) -> None:
        state = _state_of(self._path)
        if state == self._state:
            return
        self._state = state
        if state == _NO_FILE:
            self._log_problem(f"{self._path} is no ordinary file any more")
            return
        try:
            self.accounts.replace(read_keys(self._path))
        except OSError as fault:
            self._log_problem(f"{self._path} cannot be read: {fault.strerror}")
        except ValueError as fault:
            self._log_problem(str(fault))
        else:
            log.info("The accounts file %s has changed and was read again", self._path)

    def _log_problem(self, sentence: str) -> None:
        log.warning("The accounts and keys stay as they were: the accounts file %s", sentence)


def read_keys(path: str) -> dict[str, str]:
    """A JSON object of account names and keys, in UTF-8 or UTF-16, with a byte order mark or
    without; each key is such as can be sent.

    Raises OSError, or ValueError with a sentence that begins with the path and names no key.
    """
    try:
        keys = json.loads(Path(path).read_bytes(), object_pairs_hook=_without_repetition)
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply to hold accounts") from None
    except UnicodeDecodeError as fault:
        raise ValueError(f"{path} is not valid JSON: it is no {fault.encoding} text") from None
    except ValueError as fault:
        raise ValueError(f"{path} is not valid JSON: {fault}") from None
    check_keys(path, keys)
    return dict(keys)


def _change(keys: Keys, change: Change, where: str) -> None:
    """Change keys; raises what that raises, or CannotChangeAccounts for what nobody could use."""
    change(keys)
    try:
        check_keys(where, keys)
    except ValueError as fault:
        raise CannotChangeAccounts(str(fault)) from None


def _as_text(keys: Keys, old: bytes) -> bytes:
    """Keys as JSON, with the indent and the ends of lines of an older text."""
    end = "\r\n" if b"\r\n" in old else "\n"
    found = re.search(rb"\n([ \t]+)\"", old)
    indent = found[1].decode() if found is not None else 4
    text = json.dumps(keys, ensure_ascii=False, indent=indent)
    return f"{text}\n".replace("\n", end).encode()


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"the name {name[:20]!r} stands there twice")
        members[name] = value
    return members


def _state_of(path: str) -> _State:
    """What changes with a file. A pipe or a device can be read only once, so it has the state
    _NO_FILE, which never changes.
    """
    try:
        found = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return _NO_FILE
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
