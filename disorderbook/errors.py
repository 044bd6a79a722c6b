"""Every way in which the exchange says no, each with the sentence that the trader reads.

The class is the sentence; the family it belongs to decides the HTTP status. The sentences of the
2016 server are kept to the letter, since its clients compare them. What was wrong exactly is the
refusal's detail, which goes into a header that those clients do not look at.
"""

from disorderbook.protocol.names import detail_of

KEY_PLACES = (
    "the account's own, in X-Starfighter-Authorization, X-Stockfighter-Authorization "
    "or the cookie api_key"
)


class ExchangeError(Exception):
    """A refusal: the request changed nothing, `sentence` says why, and `detail` (see `detail_of`)
    what was wrong exactly, if there is more to say.
    """

    sentence = "The exchange refused this request"
    detail = ""

    def __init__(self, detail: str = "") -> None:
        super().__init__()
        if detail:
            self.detail = detail

    def __str__(self) -> str:
        return self.sentence


class BadRequest(ExchangeError):
    """What was sent cannot be understood or is not allowed to anybody."""


class Unauthorized(ExchangeError):
    """The key does not allow acting for this account."""


class Forbidden(ExchangeError):
    """This server does not do that, whoever asks."""


class NotFound(ExchangeError):
    """There is no such thing here."""


class TooLarge(ExchangeError):
    """More was sent than this server reads."""


class Unsupported(ExchangeError):
    """This server does not read what is sent in such a form."""


class Unprocessable(ExchangeError):
    """It is understood and allowed, but contradicts what was sent before."""


class TooFrequent(ExchangeError):
    """It is understood and allowed, but not so soon after the last ones."""


class Unavailable(ExchangeError):
    """The exchange would do it, but something it needs is not there: a disk, room, the tape."""


class BadJson(BadRequest):
    sentence = "Incoming data was not valid JSON"


class UrlMismatch(BadRequest):
    sentence = "Incoming POST data disagreed with request URL"


class TooManyParameters(BadRequest):
    sentence = "There are too many parameters behind the question mark of the URL"


class IllegalParameter(BadRequest):
    sentence = "A parameter behind the question mark of the URL has an illegal value"


class UnknownFormat(BadRequest):
    sentence = "The format of scores is json or csv (without one they are a page)"


class MissingField(BadRequest):
    sentence = "Incoming POST was missing required field"


class WrongType(BadRequest):
    sentence = "A value in the POST had the wrong type"


class IllegalValue(BadRequest):
    sentence = "Illegal value (usually a non-positive number)"


class NameTooLong(BadRequest):
    sentence = "Venue, symbol and account names are at most 255 characters"


class IllegalHost(BadRequest):
    sentence = "The Host header is neither a name nor an address"


class TooManyBooks(BadRequest):
    sentence = "Book limit exceeded! (See command line options)"


class IllegalIdempotencyKey(BadRequest):
    sentence = "The header Idempotency-Key has an illegal value"


class NoAccusation(BadRequest):
    sentence = "This level takes no accusation"


class CannotSnapshot(BadRequest):
    """Its detail says what stands in the way."""

    sentence = "A market is saved while it is in memory, and no level is in play"


class BelongsToLevel(BadRequest):
    sentence = "This stock belongs to a level, which is restarted, paused or stopped instead"


class LevelIsOver(BadRequest):
    sentence = "This level is over"


class ClockGoesByItself(BadRequest):
    sentence = "This exchange's clock goes by itself (see --clock)"


class OrderTooLarge(BadRequest):
    sentence = "The rules of this market allow no order of so many shares"


class OffTick(BadRequest):
    sentence = "The rules of this market allow only multiples of its tick as prices"


class OutsideBand(BadRequest):
    sentence = "The price is outside the band that the rules of this market allow"


class NoPrice(BadRequest):
    sentence = "Nothing was traded in this stock, so a price to settle it at must be given"


class NoAccounts(BadRequest):
    sentence = "This exchange has no accounts (start it with --accounts)"


class AccountExists(BadRequest):
    sentence = "There is an account of this name already"


class TooManyAccounts(BadRequest):
    sentence = "There are too many accounts to add another"


class NotAdmin(Unauthorized):
    sentence = "This needs the admin's key (see --admin-key-file)"
    detail = "the admin's key is missing or another; allowed: the one line of that file"


class WrongKey(Unauthorized):
    sentence = "Unknown account or wrong API key"
    detail = f"the key is of no account or of another one; allowed: {KEY_PLACES}"


class NoKey(Unauthorized):
    sentence = "Server is in +authentication mode but no API key was received"
    detail = f"the key is missing; allowed: {KEY_PLACES}"


class ForeignOrder(Unauthorized):
    sentence = "You are not authorized to view that order's details."


class ForeignCancel(Unauthorized):
    """Names the order's account, as the original server did."""

    def __init__(self, account: str) -> None:
        super().__init__()
        self.sentence = f"Not authorized to delete that order.  You have to own account {account}."


class Disabled(Forbidden):
    sentence = "Disabled or not enabled. (See command line options)"
    detail = "listing an account's orders is allowed with --extra"


class ForeignOrigin(Forbidden):
    sentence = "Requests from other websites are refused (see the Origin header)"


class CrossSite(Forbidden):
    sentence = "Requests from other websites are refused (see the Sec-Fetch-Site header)"


class UnknownHost(Forbidden):
    sentence = "This exchange is not called so (start it with --allowed-host NAME if it is)"


class ForwardedRequest(Forbidden):
    sentence = "This is for programs that ask the exchange itself, and not through a proxy"
    detail = "the request was forwarded; allowed: without Forwarded, X-Forwarded-For, X-Real-IP"


class TradingHalted(Forbidden):
    """Its detail is the reason that was given."""

    sentence = "Trading in this stock is halted"


class StockSettled(Forbidden):
    """Its detail is the price."""

    sentence = "This stock is settled: it takes no orders any more"


class PositionLimit(Forbidden):
    sentence = "The order could lead beyond the position limit of this market"


class TooManyOpenOrders(Forbidden):
    sentence = "The rules of this market allow no more open orders of an account"


class OwnOrderMet(Forbidden):
    sentence = "The order would trade with one of its own account, which this market does not allow"


class NoSuchSnapshot(NotFound):
    sentence = "There is no snapshot of that name"


class NoSuchFault(NotFound):
    sentence = "There is no fault of this number"


class NoSuchOrder(NotFound):
    sentence = "No such order for that Exchange + Symbol combo"


class NotFoundOfMany(NotFound):
    """Names the highest id there is, as the original server did."""

    def __init__(self, order_id: int, highest: int) -> None:
        super().__init__()
        self.sentence = f"order {order_id} not found (highest available on this venue is {highest})"


class NoSuchInstance(NotFound):
    sentence = "No such level instance"


class NoSuchLevel(NotFound):
    """Names the levels that there are, so its sentence is longer."""

    def __init__(self, level: str, names: str) -> None:
        super().__init__(detail_of("level", level, names))
        self.sentence = f"There is no such level; the levels are {names}"


class NoSuchAccount(NotFound):
    sentence = "There is no account of this name"


class NoSuchFile(NotFound):
    sentence = "No such path"


class NoSuchBook(NotFound):
    sentence = "There is no such stock at such a venue (create it by using it)"


class NoSuchVenue(NotFound):
    """Names the venue, so the sentence is made for each."""

    def __init__(self, venue: str) -> None:
        super().__init__(detail_of("venue", venue, "the name of a venue that has been used"))
        self.sentence = f"Venue {venue} does not exist (create it by using it)"


class VenueClosed(NotFound):
    """Names the venue, so the sentence is made for each."""

    def __init__(self, venue: str) -> None:
        super().__init__(detail_of("venue", venue, "the name of a venue that is open"))
        self.sentence = f"Venue {venue} is closed"


class BodyTooLarge(TooLarge):
    sentence = "The body of a request is at most 65536 bytes"


class EncodedBody(Unsupported):
    sentence = "The body of a request must be plain: no Content-Encoding is understood"


class ReusedIdempotencyKey(Unprocessable):
    sentence = "This Idempotency-Key came with another order before"


class TooManyOrders(TooFrequent):
    sentence = "The rules of this market allow no more orders of an account within a second"


class CannotWrite(Unavailable):
    sentence = "The exchange cannot keep changes now, so it makes none (see the server's log)"


class TooManyInstances(Unavailable):
    sentence = "Too many levels are being played now (see --maxinstances)"


class TooManyAdvances(Unavailable):
    sentence = "Too many wait for the clock to be moved"


class NoRoomForSnapshot(Unavailable):
    sentence = "There is no room for another snapshot: they are too many, or too large"


class MarketWasReset(Unavailable):
    sentence = "The market was reset meanwhile"


class TooManyFaults(Unavailable):
    sentence = "There are too many faults already"


class NeedsOwnServer(Unavailable):
    sentence = "Faults and latencies of requests need the exchange's own server (--server inline)"


class NoTape(Unavailable):
    sentence = "There is no tape to control: start the exchange with --websockets"


class NeedsTape(Unavailable):
    sentence = "This level needs websockets: start the exchange with --websockets"


class Ending(Unavailable):
    sentence = "The exchange is ending"


class CannotChangeAccounts(Unavailable):
    """Its detail says why."""

    sentence = "The accounts cannot be changed now, so they stay as they were"


class CannotRead(Unavailable):
    sentence = "The exchange cannot read what it has kept (see the server's log)"


RULE_REFUSALS = (
    OrderTooLarge,
    OffTick,
    OutsideBand,
    PositionLimit,
    TooManyOpenOrders,
    OwnOrderMet,
    TooManyOrders,
)
"""What the rules of a market refuse orders with."""
