"""The referees of the levels: when one is won or lost, and what the player is told meanwhile.

A referee looks at what the player holds once a day, after the bots' burst (`at_close`). What must
not happen even for a moment is looked at after each of the player's trades (`at_trade`). He is a
function of what he is shown; only that of irrational_exuberance remembers anything.

Cash is counted from 0, short sales and credit are free, and net asset value is cash and shares at
the last price. Programs read the numbers out of the texts, so their form is fixed: `$` and two
decimals, a minus sign directly before the digits, and no thousands separators.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

OPEN, WON, LOST = "open", "won", "lost"
LAST_DAY = 499
CENTS = 100  # in a dollar


class Portfolio(NamedTuple):
    """What the player has: shares, cash in cents, and the price of a share in cents."""

    shares: int
    cash: int
    price: int

    @property
    def nav(self) -> int:
        """Net asset value in cents."""
        return self.cash + self.shares * self.price


class Verdict(NamedTuple):
    """The end of a level: WON or LOST, and why."""

    state: str
    text: str


OUT_OF_TIME = Verdict(LOST, "The last trading day is over, and the job was not done. You're fired.")


class Goal(NamedTuple):
    """What is to be reached, and the limits, where a level has them; None where it has none."""

    shares: int | None = None  # to own
    nav: int | None = None  # net asset value, cents
    position_limit: int | None = None  # shares, long or short
    target_price: int | None = None  # cents, for the average


class Referee:
    """Finds nothing to say; `first_price` is the price in cents at which the level began."""

    def __init__(self, first_price: int) -> None:
        self.first_price = first_price

    @property
    def goal(self) -> Goal:
        """In numbers, for a page that shows how far the player is."""
        return Goal()

    def at_trade(self, holding: Portfolio) -> Verdict | None:
        """Look at the player after one of his orders has traded."""
        return None

    def at_close(self, holding: Portfolio, day: int) -> Verdict | None:
        """Look at the player after a day's burst; days count from 0."""
        return None

    def news(self, holding: Portfolio) -> str | None:
        """What an open level tells the player, who has traded."""
        return None

    def judge(self, account: str, culprit: str | None) -> Verdict | None:
        """The verdict on an accusation; None where there is nobody to accuse."""
        return None

    def memory(self) -> dict[str, Any]:
        """What must be given back to a referee after a restart, as JSON can hold it."""
        return {}

    def remember(self, memory: Mapping[str, Any]) -> None:
        """Go on from a `memory`."""


class FirstSteps(Referee):
    """first_steps: own 100 shares."""

    GOAL = 100  # shares

    @property
    def goal(self) -> Goal:
        return Goal(shares=self.GOAL)

    def at_close(self, holding: Portfolio, day: int) -> Verdict | None:
        if holding.shares < self.GOAL:
            return None
        return Verdict(WON, f"You own {holding.shares} shares. That was the first step.")


class BlockTrade(Referee):
    """chock_a_block: buy 100,000 shares at the price at which the level began, or nearly."""

    GOAL = 100_000  # shares
    DEAR = 1005  # thousandths of the target: an average above it does not win
    RUINOUS = 1050  # thousandths of the target: an average above it loses
    NOTICED = 10_000  # shares from which on the client looks at the average

    @property
    def goal(self) -> Goal:
        return Goal(shares=self.GOAL, target_price=self.first_price)

    def at_close(self, holding: Portfolio, day: int) -> Verdict | None:
        if holding.shares < self.NOTICED:
            return None
        paid, at_target = -holding.cash * 1000, holding.shares * self.first_price
        if paid > self.RUINOUS * at_target:
            return Verdict(LOST, "The client saw what you pay for the stock, and fired you.")
        if holding.shares < self.GOAL:
            return None
        if paid > self.DEAR * at_target:
            return Verdict(LOST, "The block is bought, but for too much. The client is gone.")
        return Verdict(WON, "The block is bought at a good price. The client is delighted.")

    def news(self, holding: Portfolio) -> str | None:
        shares = holding.shares
        if shares <= 0:
            return None
        average = dollars(round(-holding.cash / shares))
        return (
            f"You have purchased {shares} shares at an average of {average} each; "
            f"the client's target price is {dollars(self.first_price)}."
        )


class Profit(Referee):
    """sell_side and dueling_bulldozers: a net asset value, within limits of position and loss."""

    def __init__(self, first_price: int, goal: int, worst: int, limit: int) -> None:
        """`goal` and `worst` are net asset values in cents; `limit` is shares, long or short."""
        super().__init__(first_price)
        self.least, self.worst, self.limit = goal, worst, limit

    @property
    def goal(self) -> Goal:
        return Goal(nav=self.least, position_limit=self.limit)

    def at_trade(self, holding: Portfolio) -> Verdict | None:
        if abs(holding.shares) <= self.limit:
            return None
        return Verdict(
            LOST, f"You hold {holding.shares} shares, and risk management has fired you."
        )

    def at_close(self, holding: Portfolio, day: int) -> Verdict | None:
        if holding.nav < self.worst:
            return Verdict(LOST, f"You have lost too much: {dollars(holding.nav)}. You're fired.")
        return self._success(holding, day)

    def news(self, holding: Portfolio) -> str | None:
        return in_hand(holding)

    def _success(self, holding: Portfolio, day: int) -> Verdict | None:
        if holding.nav < self.least:
            return None
        return Verdict(WON, f"Congratulations!  {in_hand(holding)}")


class SellSide(Profit):
    """sell_side: a sentence of exactly three numbers while it is open."""

    def news(self, holding: Portfolio) -> str | None:
        cash, nav = dollars(holding.cash), dollars(holding.nav)
        return f"Your cash is {cash}, your position {holding.shares} shares, your NAV {nav}."


class Crash(Profit):
    """irrational_exuberance: be rich, and see the bubble burst.

    The crash: after ten days, not necessarily in a row, that closed at twice the first close or
    more, a day closes at half of the highest close or less, and at 1.5 times the first or less. The
    first close is that of day 0, and days count from 1.
    """

    BUBBLE = 2.0  # times the first close
    BUBBLE_DAYS = 10
    FALL = 0.5  # times the highest close
    END = 1.5  # times the first close

    def __init__(self, first_price: int, goal: int, limit: int) -> None:
        super().__init__(first_price, goal, -(2**63), limit)
        self.first = self.highest = self.days = 0
        self.crashed = False

    def at_close(self, holding: Portfolio, day: int) -> Verdict | None:
        close = holding.price
        if day == 0:
            self.first = self.highest = close
            return None
        self.highest = max(self.highest, close)
        self.days += close >= self.BUBBLE * self.first
        if self.days >= self.BUBBLE_DAYS and close <= min(
            self.FALL * self.highest, self.END * self.first
        ):
            self.crashed = True
        return super().at_close(holding, day)

    def _success(self, holding: Portfolio, day: int) -> Verdict | None:
        if not self.crashed or holding.nav < self.least:
            return None
        return Verdict(WON, f"Congratulations!  The crash happened.  {in_hand(holding)}")

    def memory(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("first", "highest", "days", "crashed")}

    def remember(self, memory: Mapping[str, Any]) -> None:
        self.__dict__.update(memory)


class Investigation(Referee):
    """making_amends: one accusation, on a budget, and never short."""

    BUDGET = 10_000_000  # cents

    def at_trade(self, holding: Portfolio) -> Verdict | None:
        if holding.cash < -self.BUDGET:
            return Verdict(
                LOST,
                "We only had $100,000 budgeted for this investigation and you've blown through it."
                " You're done",
            )
        if holding.shares < 0:
            return Verdict(LOST, "An investigator who sells short is a suspect. You're fired.")
        return None

    def judge(self, account: str, culprit: str | None) -> Verdict | None:
        if account == culprit:
            return Verdict(WON, "The account you named has confessed. Justice is done.")
        return Verdict(LOST, "The account you named belongs to somebody innocent. You're fired.")


def in_hand(holding: Portfolio) -> str:
    """What a player has, in the words of the original."""
    cash, price, nav = map(dollars, (holding.cash, holding.price, holding.nav))
    return (
        f"You have {cash} cash on hand plus {holding.shares} shares at {price}"
        f" for a net asset value of {nav}."
    )


def dollars(cents: int) -> str:
    """$12.34, or $-12.34; no thousands separators, since programs read it."""
    sign = "-" if cents < 0 else ""
    return f"${sign}{abs(cents) // CENTS}.{abs(cents) % CENTS:02d}"
