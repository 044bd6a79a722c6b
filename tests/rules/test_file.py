"""What a file of rules may say, and the sentence for whatever it may not."""

from pathlib import Path

import pytest

from disorderbook.rules.file import MOST_BYTES, MOST_ENTRIES, UnusableRules, read_rules, rule_book
from disorderbook.rules.market import RuleBook, Rules

EVERYTHING = """
[market]
position_limit = 1000
largest_order = 500
open_orders = 20
band = 12.5
band_around = "start"
start_price = 5000
orders_per_second = 10
self_trade = "refuse"
taker_fee = 5
maker_fee = -2
tick_size = 5

[venues.TESTEX]
open_orders = 30

[venues.TESTEX.stocks.FOOBAR]
self_trade = "cancel-older"

[venues."A venue, with [brackets]".stocks."Ähre"]
largest_order = 1
"""


def test_a_file_says_what_holds_where(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(EVERYTHING)
    book = read_rules(str(file))
    market = Rules(1000, 500, 20, 12.5, "start", 5000, 10, "refuse", 5, -2, 5)
    assert book == RuleBook(
        market,
        {"TESTEX": Rules(open_orders=30)},
        {
            ("TESTEX", "FOOBAR"): Rules(self_trade="cancel-older"),
            ("A venue, with [brackets]", "Ähre"): Rules(largest_order=1),
        },
    )
    assert set(dict(market.given())) == set(vars(market)), "a field is missing in this test"


def test_an_empty_file_has_no_rules(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.touch()
    assert read_rules(str(file)) == RuleBook()


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ("[market]\nlimit = 1", r"has limit in \[market\], where there are position_limit, "),
        ("[markets]\n", "has markets in the file, where there are market, venues"),
        ("market = 5", r"has 5 for \[market\], which is a table"),
        ("[venues]\nV = 1", r"has 1 for \[venues.V\], which is a table"),
        ("[venues.V]\nstocks = 1", r"has 1 for stocks of \[venues.V\], which is a table"),
        ("[venues.V.stocks]\nS = 1", r"has 1 for \[venues.V.stocks.S\], which is a table"),
        ("[venues.V.stocks.S]\nx = 1", r"has x in \[venues.V.stocks.S\], where there are"),
        ("[market]\nopen_orders = true", "has open_orders = true in .*; allowed: an integer"),
        ("[market]\nopen_orders = 1.0", "has open_orders = 1.0 in"),
        ('[market]\nopen_orders = "5"', 'has open_orders = "5" in'),
        ("[market]\nopen_orders = 0", "allowed: an integer from 1 to 1000000"),
        ("[market]\nlargest_order = 2147483648", "from 1 to 2147483647 "),
        ("[market]\norders_per_second = 1001", "from 1 to 1000 "),
        ("[market]\nband = 0", "allowed: a number of percent over 0 to 1000"),
        ("[market]\nband = 1000.5", "two decimals"),
        ("[market]\nband = 1.001", "two decimals"),
        ("[market]\nband = nan", "has band = NaN in"),
        ("[market]\nband = inf", "has band = Infinity in"),
        ("[market]\nband = 10\nband_around = 'middle'", 'allowed: "last", "mid", "start"'),
        ("[market]\nself_trade = []", 'allowed: "cancel-newer", "cancel-older", "refuse"'),
        ("[market]\nself_trade = 2020-01-01", "has self_trade = a value of the type date in"),
        ("[market]\ntaker_fee = -1", "from 0 to 1000 "),
        ("[market]\nmaker_fee = -1001", "from -1000 to 1000 "),
        ("[market]\nmaker_fee = -3\ntaker_fee = 2", "trading with oneself would pay"),
        ("[market]\nband = 5\nband_around = 'start'", "needs start_price"),
        ("[market]\nband_around = 'mid'", r"no sense in \[market\]: band_around needs band"),
        ("[market]\nstart_price = 5", "start_price needs band"),
        ("[market]\nband = 5\nstart_price = 12\ntick_size = 5", "no multiple of tick_size = 5"),
        ("[market]\ntaker_fee = 2\n[venues.V]\nmaker_fee = -3", r"no sense in \[venues.V\]: maker"),
        (
            "[venues.V]\ntick_size = 5\nband = 1\n[venues.V.stocks.S]\nstart_price = 3",
            r"no sense in \[venues.V.stocks.S\]: start_price = 3",
        ),
        ('[venues."a/b"]\n', r'has \[venues."a/b"\]: a name has 1 to 255 characters'),
        (f"[venues.{'x' * 256}]\n", r"has \[venues.\"x{80}\"\.\.\.\]: a name"),
        ('[venues.V.stocks.""]\n', r'has \[venues.V.stocks.""\]: a name'),
        ("[market", "is no TOML: "),
        ("[market]\nband = 1\nband = 2", "is no TOML: "),
        ("a = " + "[" * 5000, "is no TOML: "),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_in_a_sentence(
    tmp_path: Path, toml: str, sentence: str
) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(toml)
    with pytest.raises(UnusableRules, match=sentence) as refusal:
        read_rules(str(file))
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 400


def test_a_file_that_is_too_large_or_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(UnusableRules, match="more than 1048576 bytes"):
        read_rules(str(file))
    file.write_bytes(b"# \xff")
    with pytest.raises(UnusableRules, match="is no TOML"):
        read_rules(str(file))
    with pytest.raises(OSError):
        read_rules(str(tmp_path / "none"))


def test_there_are_at_most_so_many_entries() -> None:
    stocks = {str(number): {"open_orders": 1} for number in range(MOST_ENTRIES)}
    assert rule_book({"venues": {"V": {"stocks": dict(list(stocks.items())[:-1])}}})
    with pytest.raises(UnusableRules, match="more than 500 venues and stocks"):
        rule_book({"venues": {"V": {"stocks": stocks}}})
