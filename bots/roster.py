"""The bots by the names that `python3 -m bots` knows, each with a line about it."""

from typing import NamedTuple

import bot_buy_low_sell_high
import bot_market_maker
import bot_noise
import bot_noise_slow
import bot_noisier
import bot_taker
import extreme_bot
from command_line import Bot


class Entry(NamedTuple):
    """A kind of bot, and what a user reads of it."""

    bot: Bot
    line: str


ROSTER = {
    "market-maker": Entry(
        bot_market_maker.BOT, "three orders a side, 0.5 % apart, around the middle of the market"
    ),
    "taker": Entry(bot_taker.BOT, "market orders of 10 to 60 shares, two a second"),
    "noise": Entry(
        bot_noise.BOT, "limit orders of 50 to 150 shares near the last price, two a second"
    ),
    "noise-slow": Entry(bot_noise_slow.BOT, "the same, every four seconds"),
    "noisier": Entry(bot_noisier.BOT, "the same, in six threads"),
    "buy-low-sell-high": Entry(
        bot_buy_low_sell_high.BOT, "rests 50 cents below or above the last price, near no position"
    ),
    "extreme": Entry(extreme_bot.BOT, "limit orders with any price and any quantity"),
}


def listing() -> str:
    """All bots, a line each, and what to type."""
    width = max(map(len, ROSTER))
    lines = [f"  {name:{width}}  {entry.line}" for name, entry in ROSTER.items()]
    return "\n".join(
        [
            "The bots:",
            *lines,
            "For a market that is alive: python3 -m bots market-maker taker noise",
            "(--help explains the options)",
        ]
    )
