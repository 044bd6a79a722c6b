"""Names, limits and forms that everything else shares: of hosts and ports, of venues and accounts,
of times, and of a refusal and its detail. It imports nothing of ours.
"""

import json
import time
from functools import lru_cache

import msgspec

HOST = "127.0.0.1"
IPV6_HOST = "::1"
LARGEST_PORT = 65535
JSON = "application/json"  # the content type

MAX_BOOKS = 100  # that can be opened, unless an option says otherwise
MOST_BOOKS = 10**6  # that an option may allow
MAX_PRICE = 2**31 - 1  # cents a share
MAX_QUANTITY = 2**31 - 1  # shares of an order
MAX_NAME_LENGTH = 255  # characters of a venue, symbol or account name
NANOSECONDS = 10**9  # in a second
LAST_TIME = 7_258_118_400 * NANOSECONDS  # the end of 2199, behind which no simulated clock goes
INTERNAL_ERROR = "Internal error; this is not your fault (the server's log has the details)"

to_json = msgspec.json.Encoder().encode


@lru_cache(maxsize=256)  # an order and the fills that it met with have one time
def timestamp(ts: int) -> str:
    """Nanoseconds since 1970 as UTC text, such as 2016-01-17T22:43:07.123456789Z."""
    # A format such as 09d takes longer than the rest of this.
    return f"{_to_the_second(ts // NANOSECONDS)}.{str(ts % NANOSECONDS).zfill(9)}Z"


def error_message(sentence: str) -> bytes:
    """A refusal as JSON, without a line break at its end."""
    return to_json({"ok": False, "error": sentence})


@lru_cache(maxsize=1024)
def _to_the_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


NAME_RULE = f"a name has 1 to {MAX_NAME_LENGTH} characters that can be printed and no slash"


def is_name(text: str) -> bool:
    """Whether a venue or a stock can be called so from the start, and be asked for in a URL."""
    return 1 <= len(text) <= MAX_NAME_LENGTH and "/" not in text and text.isprintable()


DETAIL_HEADER = "X-Error-Detail"
LONGEST_SHOWN = 80  # characters of a value in a detail


def detail_of(field: str, value: object, allowed: str) -> str:
    """What was wrong with a field, a name or a limit: `price is -1; allowed: ...`. The value is
    anything that JSON can hold, and is cut to LONGEST_SHOWN characters.
    """
    return f"{field} is {shown(value)}; allowed: {allowed}"


def missing(field: str, allowed: str) -> str:
    """The detail of a field that is not there."""
    return f"{field} is missing; allowed: {allowed}"


def detail_header(detail: str) -> str:
    """A detail as the value of DETAIL_HEADER: one JSON string of printable ASCII characters."""
    return json.dumps(detail).replace("\x7f", r"\u007f")


def shown(value: object) -> str:
    """A value as JSON, cut to LONGEST_SHOWN characters. A text is cut before it is quoted."""
    if isinstance(value, str):
        shortened = value[:LONGEST_SHOWN]
        return json.dumps(shortened, ensure_ascii=False) + "..." * (len(value) > LONGEST_SHOWN)
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return f"a value of the type {type(value).__name__}"
    return text[:LONGEST_SHOWN] + "..." * (len(text) > LONGEST_SHOWN)
