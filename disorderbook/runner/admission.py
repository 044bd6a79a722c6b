"""Whether the exchange is there and lets the accounts trade, checked once before bots start."""

import json
from collections.abc import Mapping
from pathlib import Path

from disorderbook.client import CertificateUntrusted, ExchangeUnreachable, Refused
from disorderbook.client.market import TIMEOUT, Connection
from disorderbook.client.results import Verdict
from disorderbook.runner.gateway import Endpoint

MAX_ACCOUNTS_FILE = 2**24  # bytes
UNAUTHORIZED = 401


class NotAdmitted(Exception):
    """Bots cannot trade as wanted; says why in one sentence."""


def check_exchange(endpoint: Endpoint) -> None:
    """Raise NotAdmitted unless an exchange answers."""
    try:
        _send(endpoint, "", "GET", "/heartbeat")
    except Refused as refusal:
        url = f"{endpoint.api}heartbeat"
        raise NotAdmitted(f"{url} answers {refusal.status}, so it is no exchange") from None
    except ExchangeUnreachable as fault:
        if fault.__cause__ is None:
            raise NotAdmitted(fault.sentence) from None
        raise NotAdmitted(
            f"No exchange answers at {endpoint.api} ({type(fault.__cause__).__name__});"
            " start one with: python3 -m disorderbook"
        ) from None


def check_certificate(endpoint: Endpoint) -> None:
    """Raise NotAdmitted if a certificate is not trusted, whether or not an exchange answers."""
    if not endpoint.url.startswith("https:"):
        return
    try:
        _send(endpoint, "", "GET", "/heartbeat")
    except (Refused, ExchangeUnreachable):
        pass


def check_account(endpoint: Endpoint, account: str, key: str) -> None:
    """Raise NotAdmitted if the exchange does not let this account trade with the key.

    It sends an order that has nothing but its account. The exchange checks the key first, and
    refuses the order in any case.
    """
    body = json.dumps({"account": account}).encode()
    path = endpoint.stock.removeprefix(endpoint.api.rstrip("/")) + "/orders"
    try:
        _send(endpoint, key, "POST", path, body)
    except Refused as refusal:
        if refusal.status != UNAUTHORIZED:
            return
        raise NotAdmitted(
            f"The exchange does not let {account} trade: it was started with -a and wants the"
            " account's key (--accounts FILE, or --account and --key)"
        ) from None
    except ExchangeUnreachable as fault:
        raise NotAdmitted(fault.sentence) from None


def read_keys(path: Path) -> dict[str, str]:
    """Names and keys of an accounts file; raises NotAdmitted if it is none."""
    try:
        with path.open("rb") as file:
            keys = json.loads(file.read(MAX_ACCOUNTS_FILE))
    except OSError as fault:
        raise NotAdmitted(f"Cannot read the accounts file {path}: {fault.strerror}") from None
    except (ValueError, RecursionError):
        raise NotAdmitted(f"The accounts file {path} is not valid JSON") from None
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise NotAdmitted(f"The accounts file {path} holds no JSON object of names and keys")
    return keys


def key_from(keys: Mapping[str, str], account: str) -> str:
    """The account's key; raises NotAdmitted if there is none."""
    if account not in keys:
        raise NotAdmitted(
            f"The accounts file names no account {account}; add it there"
            " (the exchange reads it again), or name another with --account"
        )
    return keys[account]


def _send(endpoint: Endpoint, key: str, method: str, path: str, body: bytes | None = None) -> None:
    """One request; raises what the client does, NotAdmitted for an untrusted certificate."""
    address = endpoint.api.rstrip("/")
    connection = Connection(address, key or None, TIMEOUT, endpoint.verify)
    try:
        connection.request(method, path, Verdict, body)
    except CertificateUntrusted as fault:
        raise NotAdmitted(endpoint.untrusted(fault.reason)) from None
    finally:
        connection.close()
