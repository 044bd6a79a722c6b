"""Names of what an instance has for itself: the player's account, the venue, the stock, and the
accounts of bots that look like players.

The generator is the caller's: the market of an instance does not follow from its names.
"""

import random
import string
from typing import NamedTuple

from disorderbook.protocol.shard import Shard

LONGEST_ACCOUNT = 11  # characters
EMPLOYERS = ("ACM", "BHV", "CTL", "DNR", "EBX", "FLM", "GS", "HHK", "JLT", "KMR", "PQ", "WRT")
CITIES = (
    "Amberhaven",
    "Brackwater",
    "Coldharrow",
    "Dunmere",
    "Eastmarrow",
    "Farrowgate",
    "Greywick",
    "Hollowford",
    "Ironquay",
    "Larkspire",
    "Mossbridge",
    "Northlea",
    "Oxmoor",
    "Pellwater",
    "Quillport",
    "Ravensby",
    "Saltmarsh",
    "Thornacre",
    "Umberton",
    "Westfold",
)
COMPANIES = (
    "Alder & Finch",
    "Bellwether Looms",
    "Cobalt Ferries",
    "Dovetail Timber",
    "Ember Glassworks",
    "Fathom Cable",
    "Gantry Cranes",
    "Harrow Seeds",
    "Inkwell Press",
    "Juniper Tonics",
    "Kestrel Kites",
    "Lantern Oil",
    "Marlin Ropes",
    "Nettle Teas",
    "Orchard Canning",
    "Pebble Cement",
    "Quarry Slate",
    "Rivet Bridges",
    "Saffron Dyes",
    "Tallow Candles",
)


class Identity(NamedTuple):
    """An account, a venue of 2-4 capitals and EX, and a ticker of 2-4 capitals."""

    account: str
    venue: str
    symbol: str


def identity(draw: random.Random, employer: str = "", shard: Shard | None = None) -> Identity:
    """A new one; an account begins with the employer's initials, drawn if none are given. With a
    shard the venue has its digit before EX.
    """
    digit = "" if shard is None else shard.number
    return Identity(account_name(draw, employer), f"{capitals(draw)}{digit}EX", capitals(draw))


def account_name(draw: random.Random, employer: str = "") -> str:
    """Two or three capitals and 4 to 8 digits."""
    digits = "".join(draw.choice(string.digits) for _ in range(draw.randint(4, 8)))
    return (employer or draw.choice(EMPLOYERS)) + digits


def capitals(draw: random.Random) -> str:
    """Two to four of them."""
    return "".join(draw.choice(string.ascii_uppercase) for _ in range(draw.randint(2, 4)))
