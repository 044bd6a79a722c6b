"""What trading has done to an account in one book."""


class Position:
    """Cash in cents and shares, both since the account's first trade and both from zero.

    Trading with oneself moves neither, but for fees; it makes the account known here, and counts as
    a trade.
    """

    __slots__ = ("account", "cash", "shares", "lowest", "highest", "fees", "trades")

    def __init__(self, account: str) -> None:
        self.account = account
        self.cash = 0
        self.shares = 0
        self.lowest = 0  # the fewest shares ever held; below zero after selling short
        self.highest = 0
        self.fees = 0  # cents that are paid, which `cash` is without; below zero: that are given
        self.trades = 0  # executions that the account took part in

    def trade(self, quantity: int, price: int) -> None:
        """Buy `quantity` shares at `price` cents each; sell them if `quantity` is negative."""
        self.trades += 1
        self.cash -= price * quantity
        shares = self.shares = self.shares + quantity
        if shares > self.highest:
            self.highest = shares
        elif shares < self.lowest:
            self.lowest = shares

    def charge(self, fee: int) -> None:
        """Pay a fee in cents; be given it, if it is negative."""
        self.cash -= fee
        self.fees += fee

    def net_asset_value(self, price: int) -> int:
        """Cents this position is worth when a share is worth `price` cents."""
        return self.cash + self.shares * price
