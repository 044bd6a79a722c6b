"""What the rules of a stock are, where several tables say something, and what a band allows."""

import pytest

from disorderbook.protocol.names import MAX_PRICE
from disorderbook.rules.market import NO_RULES, RuleBook, Rules


def test_the_narrower_rule_counts_field_by_field() -> None:
    book = RuleBook(
        Rules(open_orders=10, largest_order=100, band=5),
        {"V": Rules(open_orders=20)},
        {("V", "S"): Rules(largest_order=7, band_around="mid")},
    )
    found = book.of("V", "S")
    assert found == Rules(largest_order=7, open_orders=20, band=5, band_around="mid")
    assert book.of("V", "T") == Rules(largest_order=100, open_orders=20, band=5, band_around="last")
    assert book.of("W", "S") == Rules(largest_order=100, open_orders=10, band=5, band_around="last")
    assert [place[:2] for place in book.entries()] == [(None, None), ("V", None), ("V", "S")]


def test_a_stock_without_a_rule_has_none() -> None:
    assert NO_RULES.of("V", "S") is None and list(NO_RULES.entries()) == []
    only_here = RuleBook(stocks={("V", "S"): Rules(tick_size=5)})
    assert only_here.of("V", "T") is None and only_here.of("V", "S") == Rules(tick_size=5)


@pytest.mark.parametrize(
    ("rules", "reference", "lowest", "highest"),
    [
        (Rules(band=10), 5000, 4500, 5500),
        (Rules(band=0.25), 5000, 4988, 5012),  # 12.5 cents to each side
        (Rules(band=10), 5, 4, 6),  # a cent at least, or the price would stand still
        (Rules(band=10), 0, 0, 1),
        (Rules(band=1, tick_size=25), 1000, 975, 1025),
        (Rules(band=1000), 5000, 0, 55000),
        (Rules(band=50), MAX_PRICE, MAX_PRICE - MAX_PRICE // 2, MAX_PRICE),
        (Rules(band=10), None, 0, MAX_PRICE),
        (Rules(), 5000, 0, MAX_PRICE),
    ],
)
def test_a_band_has_edges(rules: Rules, reference: int | None, lowest: int, highest: int) -> None:
    assert rules.edges(reference) == (lowest, highest)
    for price in {lowest, highest, (lowest + highest) // 2}:
        assert rules.in_band(reference, price)
    assert lowest == 0 or not rules.in_band(reference, lowest - 1)
    assert highest == MAX_PRICE or not rules.in_band(reference, highest + 1)
