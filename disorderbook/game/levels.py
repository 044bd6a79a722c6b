"""The six levels as data: goal, limits, cast, texts, and the range of the first price.

The texts are our own words for the facts that the original told. Prices are cents.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from disorderbook.game.casts import Bubble, Conspiracy, Duel, MakeCast, SmallMarket
from disorderbook.game.referee import (
    BlockTrade,
    Crash,
    FirstSteps,
    Investigation,
    Profit,
    Referee,
    SellSide,
)

ORDER_TYPES = """\
* **limit**: trades at its price or better; what is left rests in the book until it is cancelled.
* **market**: trades with what there is, whatever the price; nothing rests.
* **fill-or-kill** (`fok`): trades at once and in full, or not at all.
* **immediate-or-cancel** (`ioc`): trades at its price or better what it can at once; nothing rests.
"""


class Walk(NamedTuple):
    """How the fair value moves: a drift a day, drawn once from a range, and a daily s.d."""

    drift: tuple[float, float] = (0.0, 0.0)
    noise: float = 0.002


class Level(NamedTuple):
    """What a level is. `make_referee` is given the first price in cents.

    `first_prices` are the lowest and the highest first price in cents. `spacing` is by how much
    longer the pause between two bots is than that between two orders of one of them.
    """

    name: str
    title: str
    goal: str
    limits: str
    instructions: Mapping[str, str]
    first_prices: tuple[int, int]
    walk: Walk
    make_referee: Callable[[int], Referee]
    make_cast: MakeCast
    spacing: float = 1.0
    needs_tape: bool = False
    account: str = ""  # how the player's account begins; empty: initials of an employer

    @property
    def takes_accusation(self) -> bool:
        """Whether somebody is to be accused."""
        return self.make_referee(0).judge("", None) is not None


FIRST_STEPS = Level(
    "first_steps",
    "First steps",
    "Buy 100 shares.",
    "Nothing can be lost but the time: 500 trading days.",
    {
        "Instructions": """\
# Welcome

You have an **account**, a **venue** (an exchange) and a **stock's ticker**: all three stand in the
answer that started this level. Buy **100 shares** of that stock for that account at that venue.

Anything goes. A market order is fine, and one order is enough; when you own the shares, the job is
done. Nothing is forbidden, and money is no object.
""",
        "Order Types": ORDER_TYPES,
    },
    (2_600, 10_300),
    Walk(),
    FirstSteps,
    lambda today, chance, name: SmallMarket(today, 12_500),
)

CHOCK_A_BLOCK = Level(
    "chock_a_block",
    "Chock a block",
    "Buy 100,000 shares at the client's target price.",
    "An average over 1.005 times the target is too much; one over 1.05 times loses at once.",
    {
        "Instructions": """\
# A block

A client wants **100,000 shares** and names a target price: about what the stock costs now. Buy them
for him, cheaply.

* There are not nearly so many shares for sale. Who takes all that there is pays for it, and
  everybody sees it.
* The **market maker** is no genius. It asks more or less from day to day, and forgets what has
  happened. Patience pays.
* You're **fired** if you move the market against the client too much, if you are too slow (500
  trading days), or if the market runs away from you.
""",
        "Order Types": ORDER_TYPES,
    },
    (2_600, 9_999),
    Walk(),
    BlockTrade,
    lambda today, chance, name: SmallMarket(today, 125_000),
)

SELL_SIDE = Level(
    "sell_side",
    "Sell side",
    "Make a profit of $10,000.",
    "1,000 shares long or short at most; a loss of more than $20,000 is too much.",
    {
        "Instructions": """\
# Make a market

Now you are the market maker: offer to buy and to sell, and live on the difference. Make
**$10,000**.

* Your profit is your net asset value: cash, and shares at the price of the last trade. Cash begins
  at 0, and may be negative; so may your shares.
* You have a **rival**, and a bad one. Nobody in this market knows more than you do.
* You may never hold more than **1,000 shares**, nor owe more. What rests counts once it trades.
* Losses count at the price of the last trade.
""",
        "Order Types": ORDER_TYPES,
    },
    (6_000, 10_000),
    Walk(),
    partial(SellSide, goal=1_000_000, worst=-2_000_000, limit=1_000),
    lambda today, chance, name: SmallMarket(today, 2_500),
)

DUELING_BULLDOZERS = Level(
    "dueling_bulldozers",
    "Dueling bulldozers",
    "Make a profit of $250,000.",
    "1,000 shares long or short at most; a loss of more than $100,000 is too much.",
    {
        "Instructions": """\
# Two bulldozers

Two investors quarrel in public over this stock. One sells it short, the other keeps buying, and now
and then each sends a **massive order** to prove that he is right. Make **$250,000** between them.

* Stay within **1,000 shares**, long or short. To be the other side of a single one of those orders
  can be enough to be fired for risk.
* A loss of more than $100,000 ends it, too. Profit is cash, and shares at the last price.
* Other market makers have left, so spreads are wide.
""",
        "Order Types": ORDER_TYPES,
        "Market Makers": """\
A market maker here has **no memory**. Every so many seconds it looks at the market again, cancels
what it has, and quotes afresh. Between two looks its orders stand, whatever happens.
""",
        "Informed Traders": """\
One order executes as **one transaction**: a massive one takes whole sides of the book before
anybody can react, and what is left of it stands there as the best price.
""",
    },
    (6_000, 10_000),
    Walk((-0.0025, 0.0010), 0.001),
    partial(Profit, goal=25_000_000, worst=-10_000_000, limit=1_000),
    Duel,
)

IRRATIONAL_EXUBERANCE = Level(
    "irrational_exuberance",
    "Irrational exuberance",
    "Have $100,000 after the bubble has burst.",
    "10,000 shares long or short at most.",
    {
        "Instructions": """\
# A bubble

Buyers who **follow each other** have got hold of a stock that is worth much less than they pay.
The market makers have little of it left, so it goes up because it goes up.

* Make the money: your net asset value must be **$100,000** or more.
* And see the bubble **burst** before the end: the stock has to cost twice what it did, for some
  time, and then fall to half of its highest price. Be rich *afterwards*.
* You may never hold more than **10,000 shares**, nor owe more. You have 500 trading days.
""",
        "Order Types": ORDER_TYPES,
    },
    (2_600, 10_300),
    Walk((0.0, 0.0), 0.001),
    partial(Crash, goal=10_000_000, limit=10_000),
    Bubble,
)

MAKING_AMENDS = Level(
    "making_amends",
    "Making amends",
    "Find the account of an insider's accomplice, and accuse it.",
    "One accusation; $100,000 to spend; never short.",
    {
        "Instructions": """\
# Making amends

The regulator of this market asks for help. The comptroller of a company has come into money, and
his own account is clean. So **somebody trades for him**, who knows before others what the stock
will do. Find that account, and give evidence.

* You have **one shot**. Accuse somebody innocent, and you are fired.
* There are **$100,000** to spend on the market. Overspend, or go short, and you are fired.
* There must be a case within 500 trading days.
* Begin by finding out **who trades here at all**. Read what the API's documentation says about
  cancelling orders, and about executions; try what it does not forbid.
""",
        "Order Types": ORDER_TYPES,
        "Submitting Evidence": """\
Send one POST to `/gm/instances/ID/judge`, ID being this instance's. Its body is a JSON object:

    {"account": "ABC123456", "explanation_link": "https://...", "executive_summary": "..."}

The `account` is whom you accuse. You will not be asked a second time.
""",
    },
    (2_600, 10_300),
    Walk((0.0003, 0.0010), 0.001),
    Investigation,
    Conspiracy,
    spacing=4.0,
    needs_tape=True,
    account="CES",
)

LEVELS = {
    level.name: level
    for level in (
        FIRST_STEPS,
        CHOCK_A_BLOCK,
        SELL_SIDE,
        DUELING_BULLDOZERS,
        IRRATIONAL_EXUBERANCE,
        MAKING_AMENDS,
    )
}
