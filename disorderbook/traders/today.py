"""What the bots of a level know of a day, and others do not: its number and the fair value."""


class Today:
    """`day` counts from 0, `value` is the fair value of a share in cents, `first_value` that of
    day 0. `round` says which turn of a bot this is on the day, from 0; what the numbers mean is the
    strategy's. `error` is by what part of the value all makers are wrong on the day.

    One object is shared by all bots of a market, and whoever runs them changes it.
    """

    __slots__ = ("day", "round", "value", "first_value", "error")

    def __init__(self, value: float) -> None:
        self.day = self.round = 0
        self.value = self.first_value = value
        self.error = 0.0
