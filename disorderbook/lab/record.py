"""What is kept of a run: every order of its book, and what the program did besides.

The fills of the orders, and when and why each was closed, tell all that happened in the book: net
asset values, curves, and the book at any moment are derived from them. An own fill is a take if its
time is that of its order, since no two events of a book have the same time.

A record is a value, and nothing in it changes. Worker processes send it packed.

Prices and net asset values are cents, quantities are shares, times are integer nanoseconds since
1970 (UTC) on the exchange's clock.
"""

import zlib

import msgspec

from disorderbook.control.journal import ClientRequest
from disorderbook.engine.orders import Order
from disorderbook.rules.market import FeeRates

MOST_REFUSALS = 1000  # kept of a run, the first ones
MOST_PRINTED = 2000  # lines kept of a run, the first ones
MOST_PRINTED_BYTES = 1 << 20  # of their text together
LONGEST_PRINTED = 1000  # characters of a line
MOST_LAST_LINES = 20  # of stderr, kept of a program that failed
MOST_RECORD_BYTES = 1 << 30  # of a record before it is compressed: some 6 million orders

# How a run may end.
DAYS, DECIDED, EXITED, FAILED = "days", "decided", "exited", "failed"
HUNG, FLOODED, INTERRUPTED = "hung", "flooded", "interrupted"

COMPRESSION = 1  # zlib's fastest: records are packed to be sent once
PIECE = 1 << 20  # bytes that are unpacked at a time


class Printed(msgspec.Struct, frozen=True):
    """A line that the program printed, and when; `stream` is stdout or stderr."""

    ts: int
    stream: str
    text: str


class RefusedRequest(msgspec.Struct, frozen=True):
    """A request that the exchange refused: its path without the key, the status of HTTP, the
    exchange's sentence, and what was wrong exactly (empty where nothing more is to be said).
    """

    ts: int
    method: str
    path: str
    status: int
    sentence: str
    detail: str

    @classmethod
    def of(cls, request: ClientRequest) -> "RefusedRequest":
        """What a record keeps of a request."""
        return cls(
            request.ts,
            request.method,
            request.path,
            request.status,
            request.sentence,
            request.detail,
        )


class RunEnding(msgspec.Struct, frozen=True):
    """Why a run has ended.

    `reason` is `days` (all of them were played), `decided` (the level was won or lost), `exited`
    (the program ended with status 0), `failed` (it ended with another one, or could not be
    started), `hung` (it sent no request for too long), `flooded` (it sent too many requests), or
    `interrupted`. `status` is the program's exit status, minus the number of the signal that ended
    it, and None if the program was ended with the run. `last_lines` are the last of its stderr.
    `log` is the file that has all that it printed.
    """

    reason: str
    status: int | None = None
    last_lines: tuple[str, ...] = ()
    log: str | None = None


class LevelOutcome(msgspec.Struct, frozen=True):
    """What a level came to: its state (open, won or lost), the trading day, the player's NAV."""

    name: str
    state: str
    day: int
    nav: int


class RunRecord(msgspec.Struct, frozen=True):
    """One program in one market.

    `account` is the program's. The run is from `start` to `end`; a trading day takes `day`, and
    `days` of them were asked for. `orders` are those of everybody, by id. `requests` are the
    program's; of the `refusal_count` refused ones the first are in `refusals`. `printed` are the
    first lines that it printed. `fees` are what the rules asked for each trade.
    """

    seed: int
    venue: str
    symbol: str
    account: str
    start: int
    end: int
    day: int
    days: int
    orders: list[Order]
    requests: int
    refusal_count: int
    refusals: list[RefusedRequest]
    printed: list[Printed]
    ending: RunEnding
    level: LevelOutcome | None = None
    fees: FeeRates = (0, 0)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(RunRecord)


def packed(record: RunRecord) -> bytes:
    """The record as compressed bytes; raises ValueError if it has over MOST_RECORD_BYTES."""
    plain = _ENCODER.encode(record)
    if len(plain) > MOST_RECORD_BYTES:
        raise ValueError(_too_large(f"{len(plain)} bytes"))
    return zlib.compress(plain, COMPRESSION)


def unpacked(data: bytes) -> RunRecord:
    """The record that was packed. Raises ValueError for anything else, and for what would become
    more than MOST_RECORD_BYTES.
    """
    try:
        return _DECODER.decode(_decompressed(data))
    except (zlib.error, msgspec.DecodeError) as fault:
        raise ValueError(f"These bytes are no record of a run: {fault}") from None


def _decompressed(data: bytes) -> bytearray:
    unpacker, plain, rest = zlib.decompressobj(), bytearray(), data
    while rest and not unpacker.eof:
        plain += unpacker.decompress(rest, PIECE)
        rest = unpacker.unconsumed_tail
        if len(plain) > MOST_RECORD_BYTES:
            raise ValueError(_too_large("more"))
    if not unpacker.eof or unpacker.unused_data:
        raise zlib.error("they are cut off, or something follows")
    return plain


def _too_large(size: str) -> str:
    return f"A record of a run has at most {MOST_RECORD_BYTES} bytes, and this one has {size}"
