"""The slowest obvious order book: one flat list, sorted afresh for every order.

It imports nothing of the exchange, so that a mistake there cannot be a mistake here too.
"""


class SlowOrder:
    def __init__(
        self, number: int, account: str, side: str, kind: str, price: int, quantity: int
    ) -> None:
        self.id, self.account, self.side, self.kind = number, account, side, kind
        self.price, self.quantity = price, quantity
        self.fills: list[tuple[int, int]] = []  # (price, quantity)
        self.closed = False

    def left(self) -> int:
        return 0 if self.closed else self.quantity - sum(q for _, q in self.fills)


class SlowBook:
    """Sides are "buy" and "sell", kinds "limit", "market", "fok" and "ioc"."""

    def __init__(self) -> None:
        self.orders: list[SlowOrder] = []
        self.trades: list[tuple[int, int, str, str]] = []  # (price, quantity, buyer, seller)

    def submit(self, account: str, side: str, kind: str, price: int, quantity: int) -> SlowOrder:
        order = SlowOrder(len(self.orders), account, side, kind, price, quantity)
        partners = [p for p in self.resting("sell" if side == "buy" else "buy") if suits(order, p)]
        self.orders.append(order)
        if kind == "fok" and sum(p.left() for p in partners) < quantity:
            order.closed = True
            return order
        for partner in partners:
            if order.left():
                self.trade(order, partner)
        if kind != "limit":
            order.closed = True
        return order

    def trade(self, order: SlowOrder, partner: SlowOrder) -> None:
        quantity = min(order.left(), partner.left())
        order.fills.append((partner.price, quantity))
        partner.fills.append((partner.price, quantity))
        buyer, seller = (order, partner) if order.side == "buy" else (partner, order)
        self.trades.append((partner.price, quantity, buyer.account, seller.account))

    def cancel(self, number: int) -> None:
        self.orders[number].closed = True

    def resting(self, side: str) -> list[SlowOrder]:
        """Open orders of one side in the order in which they trade."""
        sign = -1 if side == "buy" else 1
        rows = [order for order in self.orders if order.side == side and order.left()]
        return sorted(rows, key=lambda order: (sign * order.price, order.id))

    def position(self, account: str) -> tuple[int, int]:
        """Cash and shares."""
        bought = [(p, q) for p, q, buyer, _ in self.trades if buyer == account]
        sold = [(p, q) for p, q, _, seller in self.trades if seller == account]
        cash = sum(p * q for p, q in sold) - sum(p * q for p, q in bought)
        return cash, sum(q for _, q in bought) - sum(q for _, q in sold)


def suits(order: SlowOrder, partner: SlowOrder) -> bool:
    """Whether the order may trade at the partner's price."""
    if order.kind == "market":
        return True
    return partner.price <= order.price if order.side == "buy" else partner.price >= order.price
