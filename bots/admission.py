"""Whether the exchange is there and lets the accounts trade, asked once before bots start."""

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote as percent_encoded

from stockfighter_minimal import Client, requests, untrusted_sentence, why_untrusted

LARGEST_ACCOUNTS_FILE = 2**24  # bytes


class NotAdmitted(Exception):
    """Bots cannot trade as asked; says why in one sentence."""


def check_exchange(client: Client) -> None:
    """Raise NotAdmitted unless an exchange answers."""
    url = client.url + "heartbeat"
    try:
        answer = client.send_once("GET", url)
    except requests.RequestException as fault:
        _check_trust(client, fault)
        raise NotAdmitted(
            f"No exchange answers at {client.url} ({type(fault).__name__});"
            " start one with: python3 disorderBook_main.py"
        ) from None
    if not _is_good(answer):
        raise NotAdmitted(f"{url} answers {answer.status_code}, so it is no exchange")


def check_certificate(client: Client) -> None:
    """Raise NotAdmitted if a certificate is not trusted, whether or not an exchange answers."""
    if not client.url.startswith("https:"):
        return
    try:
        client.send_once("GET", client.url + "heartbeat")
    except requests.RequestException as fault:
        _check_trust(client, fault)


def _check_trust(client: Client, fault: requests.RequestException) -> None:
    reason = why_untrusted(fault)
    if reason:
        raise NotAdmitted(
            f"{untrusted_sentence(client.url, reason)}; --ca FILE names the"
            " certificate of who signed it"
        ) from None


def check_account(client: Client, venue: str, symbol: str, account: str) -> None:
    """Raise NotAdmitted if the exchange does not let this account trade with the client's key."""
    names = (percent_encoded(name, safe="") for name in (venue, symbol))
    url = "{}venues/{}/stocks/{}/orders".format(client.url, *names)
    try:
        # An order without anything but its account: the key is looked at first, then it is
        # refused in any case.
        answer = client.send_once("POST", url, {"account": account})
    except requests.RequestException as fault:
        raise NotAdmitted(f"No answer to POST {url} ({type(fault).__name__})") from None
    if answer.status_code == 401:
        raise NotAdmitted(
            f"The exchange does not let {account} trade: it was started with -a and wants the"
            " account's key (--accounts FILE, or --account and --key)"
        )


def read_keys(path: Path) -> dict[str, str]:
    """Names and keys of an accounts file; raises NotAdmitted if it is none."""
    try:
        with path.open("rb") as file:
            keys = json.loads(file.read(LARGEST_ACCOUNTS_FILE))
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


def _is_good(answer: requests.Response) -> bool:
    try:
        body = answer.json()
    except ValueError:
        return False
    return isinstance(body, dict) and body.get("ok") is True
