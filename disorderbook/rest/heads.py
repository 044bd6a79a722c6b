"""Heads of requests that were read before: a client's next request often has the very same head,
and the same bytes mean the same, so they need not be read again.
"""

from typing import NamedTuple

from disorderbook.request_head import Environ

LONGEST_REMEMBERED = 2048  # bytes of a request with its body
HEADS_REMEMBERED = 256  # for all connections together; the oldest is forgotten first


class Head(NamedTuple):
    """What a head says: how many bytes of body follow it, and its part of the environ."""

    length: int
    environ: Environ


class KnownHeads:
    """By their bytes. Only such that leave no question open: nothing that ends the connection,
    waits for a word from us, or has its length in its body.
    """

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}
        self.find = self._heads.get

    def keep(self, raw: bytes, head: Head) -> None:
        if len(self._heads) >= HEADS_REMEMBERED:
            del self._heads[next(iter(self._heads))]
        self._heads[raw] = head
