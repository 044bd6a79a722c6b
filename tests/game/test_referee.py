"""What the referees of the levels decide and say, rule by rule."""

import re

import pytest

from disorderbook.game.referee import (
    BlockTrade,
    Crash,
    FirstSteps,
    Investigation,
    Portfolio,
    Profit,
    Referee,
    SellSide,
    Verdict,
    dollars,
)

TARGET = 8000


def state(verdict: Verdict | None) -> str:
    return "open" if verdict is None else verdict.state


def bought(shares: int, average: float, last: int = TARGET) -> Portfolio:
    return Portfolio(shares, -round(shares * average), last)


@pytest.mark.parametrize(
    "cents, text", [(0, "$0.00"), (5, "$0.05"), (-5, "$-0.05"), (123456789, "$1234567.89")]
)
def test_money_has_two_decimals_and_its_sign_before_the_digits(cents: int, text: str) -> None:
    assert dollars(cents) == text


def test_first_steps_wants_100_shares() -> None:
    referee = FirstSteps(TARGET)
    assert [state(referee.at_close(bought(n, 8000), 1)) for n in (0, 99, 100, 101, -100)] == [
        "open", "open", "won", "won", "open",
    ]  # fmt: skip
    assert referee.news(bought(50, 8000)) is None


@pytest.mark.parametrize(
    "shares, factor, expected",
    [
        (99_999, 0.9, "open"),
        (100_000, 1.005, "won"),
        (100_000, 1.0051, "lost"),
        (150_000, 0.5, "won"),
        (9_999, 2.0, "open"),
        (10_000, 1.0501, "lost"),
        (10_000, 1.05, "open"),
        (-100_000, 2.0, "open"),
        (0, 0.0, "open"),
    ],
)
def test_the_block_trade(shares: int, factor: float, expected: str) -> None:
    assert state(BlockTrade(TARGET).at_close(bought(shares, factor * TARGET), 1)) == expected


def test_the_client_tells_shares_average_and_target_and_nothing_else() -> None:
    referee = BlockTrade(TARGET)
    assert referee.news(Portfolio(0, 500, TARGET)) is None
    for holding in (bought(1, 7990), bought(123_456, 8012.345), Portfolio(3, 1000, 8000)):
        news = referee.news(holding)
        assert news is not None and f"purchased {holding.shares} shares" in news
        assert news.endswith("target price is $80.00.")
        assert len(re.findall(r"\$-?\d+\.\d\d\b", news)) == news.count("$") == 2
        assert "," not in news


def test_profit_within_limits() -> None:
    referee = Profit(TARGET, goal=1_000_000, worst=-2_000_000, limit=1_000)
    for shares, expected in ((1000, "open"), (1001, "lost"), (-1000, "open"), (-1001, "lost")):
        assert state(referee.at_trade(Portfolio(shares, 0, TARGET))) == expected
    for nav, expected in (
        (999_999, "open"),
        (1_000_000, "won"),
        (-2_000_000, "open"),
        (-2_000_001, "lost"),
    ):
        assert state(referee.at_close(Portfolio(100, nav - 100 * TARGET, TARGET), 3)) == expected
    assert referee.news(Portfolio(-7, -123, 456)) == (
        "You have $-1.23 cash on hand plus -7 shares at $4.56 for a net asset value of $-33.15."
    )


def test_sell_side_tells_exactly_three_numbers() -> None:
    referee = SellSide(TARGET, goal=1_000_000, worst=-2_000_000, limit=1_000)
    news = referee.news(Portfolio(-5, 40_012, 8000)) or ""
    assert re.findall(r"-?\d+(?:\.\d+)?", news) == ["400.12", "-5", "0.12"]
    assert "$400.12" in news and "$0.12" in news


def closes(referee: Referee, prices: list[int], nav: int) -> list[str]:
    """The state after each day's close."""
    return [
        state(referee.at_close(Portfolio(0, nav, price), day)) for day, price in enumerate(prices)
    ]


def test_the_crash_needs_ten_days_of_bubble_and_a_fall_under_both_bounds() -> None:
    rich, up, down = 10_000_000, [2000] * 10, [1000]
    assert closes(a_crash(), [1000, *up, *down], rich)[-1] == "won"
    assert closes(a_crash(), [1000, *up[:9], *down], rich)[-1] == "open"
    assert closes(a_crash(), [1000, 2000, 1900] + [2000, 1001] * 9 + down, rich)[-1] == "won"
    assert closes(a_crash(), [1000, *up, 1001], rich)[-1] == "open"  # not half of the highest
    assert closes(a_crash(), [1000, *[8000] * 10, 1501], rich)[-1] == "open"  # not 1.5 x the first
    assert closes(a_crash(), [1000, *[8000] * 10, 1500], rich)[-1] == "won"
    assert closes(a_crash(), [1000, *up, *down], rich - 1)[-1] == "open"
    assert closes(a_crash(), [1000, *up, 1000, 5000], rich)[-1] == "won"  # it has happened
    assert closes(a_crash(), [2000] * 11 + down, rich)[-1] == "open"  # day 0 is the measure


def a_crash() -> Crash:
    return Crash(TARGET, goal=10_000_000, limit=10_000)


def test_what_the_crash_remembers_is_all_it_needs() -> None:
    one, other = a_crash(), a_crash()
    closes(one, [1000, *[2000] * 10], 0)
    other.remember(one.memory())
    assert closes(other, [], 0) == []
    assert state(other.at_close(Portfolio(1, 10_000_000, 900), 12)) == "won"
    verdict = one.at_close(Portfolio(198, 2113410344, 900), 12)
    assert verdict is not None and verdict.text == (
        "Congratulations!  The crash happened.  You have $21134103.44 cash on hand plus 198 shares"
        " at $9.00 for a net asset value of $21135885.44."
    )


def test_an_investigation_has_a_budget_and_one_shot() -> None:
    referee = Investigation(TARGET)
    assert referee.at_trade(Portfolio(10, -10_000_000, TARGET)) is None
    over = referee.at_trade(Portfolio(10_000, -10_000_001, TARGET))
    assert over is not None and over.text == (
        "We only had $100,000 budgeted for this investigation and you've blown through it. "
        "You're done"
    )
    assert state(referee.at_trade(Portfolio(-1, 100, TARGET))) == "lost"
    assert state(referee.at_close(Portfolio(0, 0, TARGET), 400)) == "open"
    assert referee.news(Portfolio(1, 1, 1)) is None
    assert state(referee.judge("ABC1", "ABC1")) == "won"
    assert state(referee.judge("ABC2", "ABC1")) == "lost"
    assert Referee(TARGET).judge("ABC1", None) is None
