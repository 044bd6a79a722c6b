"""Which of several exchanges one is, whose venues a proxy tells apart by their names.

The rule: a proxy needs no arithmetic. The id of a level's instance ends in the digit of its
exchange, and so does the name of its venue before the letters EX.
"""

import re
from typing import NamedTuple

MOST_SHARDS = 9  # so that one digit tells them apart
SHARD_RULE = f"is no K/N, such as 1/2: exchange K of N, at most {MOST_SHARDS}"


class Shard(NamedTuple):
    """An exchange's number, from 1, and how many there are."""

    number: int
    total: int

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"

    def id_after(self, last: int) -> int:
        """The next id above this one that ends in the exchange's digit."""
        return last + 1 + (self.number - last - 1) % 10


def read_shard(text: str) -> Shard:
    """That of a text such as 1/2; raises ValueError with a sentence."""
    if re.fullmatch("[1-9]/[1-9]", text) and text[0] <= text[2]:
        return Shard(int(text[0]), int(text[2]))
    raise ValueError(f"{text[:40]!r} {SHARD_RULE}")
