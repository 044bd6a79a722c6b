"""From the bytes of an answer to a result, or to the reason why there is none."""

from typing import TypeVar

import msgspec

from disorderbook.client.errors import ExchangeUnreachable, Refused
from disorderbook.client.results import Verdict

NO_REASON = "The exchange refuses this and gives no reason"
LONGEST_EXCERPT = 80  # characters of an answer that makes no sense, in the error's sentence

T = TypeVar("T")


def read(answer: bytes | str, kind: type[T], source: str, status: int | None = None) -> T:
    """The result of this kind in an answer; raises Refused if the exchange says no, and
    ExchangeUnreachable if that is no exchange, which `source` names.
    """
    verdict = _decoded(answer, Verdict, source, status)
    if not verdict.ok:
        raise Refused(verdict.error or NO_REASON, status)
    return _decoded(answer, kind, source, status)


def _decoded(answer: bytes | str, kind: type[T], source: str, status: int | None) -> T:
    try:
        return msgspec.json.decode(answer, type=kind)
    except (ValueError, RecursionError):  # the first is what all others are, of text too
        excerpt = f"{answer[:LONGEST_EXCERPT]!r}"
    with_status = "" if status is None else f" with status {status}"
    sentence = f"{source} does not answer as an exchange does, but{with_status}: {excerpt}"
    raise ExchangeUnreachable(sentence, was_sent=True)
