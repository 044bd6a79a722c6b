"""The game master's answers, as JSON."""

from disorderbook.exchange import Exchange
from disorderbook.game.instances import LEVELS
from disorderbook.ledger.base import END_OF_THE_WORLD_DAY, SECONDS_PER_TRADING_DAY, Instance
from disorderbook.protocol.names import to_json

INSTRUCTIONS = {
    "Instructions": "Trade as you like: levels have no goals yet, and nobody trades against you.",
    "Order Types": "limit, market, fill-or-kill (fok), immediate-or-cancel (ioc)",
}


def levels_message() -> bytes:
    """The names of all levels."""
    return to_json({"ok": True, "levels": [{"name": name} for name in LEVELS]})


def start_message(instance: Instance, exchange: Exchange) -> bytes:
    """What a player needs when an instance starts: the account, and where to trade. The exchange's
    lock must be held.
    """
    venues = list(exchange.venues())
    symbols = {book.symbol: None for venue in venues for book in exchange.books(venue)}
    return to_json(
        {
            "ok": True,
            "account": instance.account,
            "instanceId": instance.id,
            "instructions": INSTRUCTIONS,
            "tickers": list(symbols),
            "venues": venues,
            "secondsPerTradingDay": SECONDS_PER_TRADING_DAY,
            "balances": {"USD": 0},
        }
    )


def instance_message(instance: Instance, now: int) -> bytes:
    """The state of an instance at `now`, nanoseconds since 1970."""
    return to_json(
        {
            "ok": True,
            "done": False,
            "id": instance.id,
            "state": "open",
            "details": {
                "tradingDay": instance.trading_day(now),
                "endOfTheWorldDay": END_OF_THE_WORLD_DAY,
            },
        }
    )
