"""The NATS subjects: `disorderbook.VENUE.SYMBOL.quote`, `.trade` and `.execution.ACCOUNT`.

The rule: a name is one token, and can be read back from it. What NATS gives a meaning (`.`, `*`,
`>`, blanks), what it may not carry (control characters, all beyond ASCII) and `%` itself stand
there as percent-encoded UTF-8, so that `A.B` is `A%2EB`. No name is empty.
"""

from functools import lru_cache
from string import punctuation
from urllib.parse import quote, unquote

ROOT = "disorderbook"
GAP_SUBJECT = f"{ROOT}.gap"  # where an exchange says that executions may be missing
QUOTE, TRADE, EXECUTION = "quote", "trade", "execution"
LONGEST_SUBJECT = 4000  # characters; a server reads lines of 4096, unless it is told otherwise

MEANINGFUL = ".*>%"
_CARRIED = "".join(mark for mark in punctuation if mark not in MEANINGFUL)


@lru_cache(maxsize=4096)
def token(name: str) -> str:
    """A venue, symbol or account as one token of a subject."""
    # A dot never has a meaning in a URL, so `quote` leaves it.
    return quote(name, _CARRIED, errors="surrogatepass").replace(".", "%2E")


def name_of(text: str) -> str:
    """The name that `token` made this of; raises UnicodeDecodeError if that was none."""
    return unquote(text, errors="surrogatepass")


def quote_subject(venue: str, symbol: str) -> str:
    """Where the quotes of a book go."""
    return f"{ROOT}.{token(venue)}.{token(symbol)}.{QUOTE}"


def trade_subject(venue: str, symbol: str) -> str:
    """Where the trades of a book go, without their accounts."""
    return f"{ROOT}.{token(venue)}.{token(symbol)}.{TRADE}"


def execution_subject(venue: str, symbol: str, account: str) -> str:
    """Where the executions of an account in a book go."""
    return f"{ROOT}.{token(venue)}.{token(symbol)}.{EXECUTION}.{token(account)}"


def quoted_subject(subject: str) -> str:
    """A subject as it stands in a server's complaint, which nats-py hands on in lower case."""
    escaped = subject.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'.lower()
