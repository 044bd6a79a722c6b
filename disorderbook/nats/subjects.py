"""The NATS subjects: `disorderbook.VENUE.SYMBOL.quote`, `.trade` and `.execution.ACCOUNT`.

The rule: a name is one token, and can be read back from it. What NATS gives a meaning (`.`, `*`,
`>`, blanks), what it may not carry (control characters, all beyond ASCII) and `%` itself stand
there as percent-encoded UTF-8, so that `A.B` is `A%2EB`. No name is empty.
"""

from functools import lru_cache
from string import punctuation
from urllib.parse import quote

ROOT = "disorderbook"
GAP_SUBJECT = f"{ROOT}.gap"  # where an exchange says that executions may be missing
ALL = "*"  # stands for any one token
QUOTE, TRADE, EXECUTION = "quote", "trade", "execution"
LONGEST_SUBJECT = 4000  # characters; a server reads lines of 4096, unless it is told otherwise

_CARRIED = "".join(mark for mark in punctuation if mark not in ".*>%")


@lru_cache(maxsize=4096)
def token(name: str) -> str:
    """A venue, symbol or account as one token of a subject."""
    # A dot never has a meaning in a URL, so `quote` leaves it.
    return quote(name, _CARRIED, errors="surrogatepass").replace(".", "%2E")


def book_subject(kind: str, venue: str, symbol: str | None, account: str | None = None) -> str:
    """Where messages of a kind go, executions by account; without a symbol, where those of all
    stocks of the venue do.
    """
    tokens = [ROOT, token(venue), ALL if symbol is None else token(symbol), kind]
    return ".".join(tokens if account is None else [*tokens, token(account)])


def quoted_subject(subject: str) -> str:
    """A subject as it stands in a server's complaint, which nats-py hands on in lower case."""
    escaped = subject.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'.lower()
