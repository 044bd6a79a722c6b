"""A client of the exchange for other people's programs: it knows the wire and nothing else of ours.

from disorderbook.client import Market

with Market("TESTEX", "FOOBAR", account="ME") as market:
    order = market.buy(5000, 10)
    print(order.id, order.total_filled, market.quote().bid)
"""

from disorderbook.client.admin import AdminClient
from disorderbook.client.listener import Listener
from disorderbook.client.market import Market
from disorderbook.client.results import (
    AccountFill,
    Book,
    CertificateUntrusted,
    ExchangeUnreachable,
    Execution,
    Fill,
    MarketClosed,
    MarketError,
    OpenOrder,
    Order,
    Position,
    Quote,
    Refused,
    Row,
)

__all__ = [
    "AccountFill",
    "AdminClient",
    "Book",
    "CertificateUntrusted",
    "ExchangeUnreachable",
    "Execution",
    "Fill",
    "Listener",
    "Market",
    "MarketClosed",
    "MarketError",
    "OpenOrder",
    "Order",
    "Position",
    "Quote",
    "Refused",
    "Row",
]
