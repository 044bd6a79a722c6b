"""What bots know of a day begins with the first."""

from disorderbook.traders.today import Today


def test_it_begins_on_day_0_at_the_first_value() -> None:
    today = Today(8500.0)
    today.value = 9000.0
    assert (today.day, today.round, today.first_value, today.value) == (0, 0, 8500.0, 9000.0)
