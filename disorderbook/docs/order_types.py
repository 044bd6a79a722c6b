"""The order types in plain words, each with small worked examples that all start from one book."""

from typing import NamedTuple

from disorderbook.docs.markup import Markup, element, joined, pretty, prose, table
from disorderbook.engine.orders import OrderType
from disorderbook.messages import ORDER_TYPE_NAMES

CENTS = 100  # in a dollar


class Offer(NamedTuple):
    """Shares that somebody sells, and the price in cents."""

    account: str
    quantity: int
    price: int


class Example(NamedTuple):
    """An order to buy, what it buys of whom, and how many shares then rest in the book."""

    shows: str
    quantity: int
    price: int | None  # cents; a market order has none
    buys: tuple[Offer, ...]
    rests: int


class Explained(NamedTuple):
    """An order type, its other name if it has one, and what it is for."""

    type: OrderType
    short: str
    text: str
    examples: tuple[Example, ...]


BEN, CAT, DAN = OFFERS = (
    Offer("BEN", 40, 5010), Offer("CAT", 20, 5010), Offer("DAN", 30, 5025),
)

ORDER_TYPES = (
    Explained(
        OrderType.LIMIT, "",
        "You name the worst price that you accept. Whatever can be traded at that price or a "
        "better one is traded at once; the rest waits in the book, first come, first served, until "
        "somebody trades with it or you cancel it. It is the only type that ever waits.",
        (
            Example(
                "You accept every price on offer, and want more than there is.",
                100, 5025, (BEN, CAT, DAN), 10,
            ),
            Example("Nobody sells as cheaply as you would like.", 100, 5000, (), 100),
        ),
    ),
    Explained(
        OrderType.MARKET, "",
        "You name no price and take what there is, the best price first, however bad it gets. "
        "What cannot be traded at once is dropped. In a thin market that can be expensive, "
        "or bring nothing at all.",
        (
            Example(
                "It eats through both prices.",
                70, None, (BEN, CAT, Offer("DAN", 10, 5025)), 0,
            ),
            Example("You want more than there is.", 100, None, (BEN, CAT, DAN), 0),
        ),
    ),
    Explained(
        OrderType.FILL_OR_KILL, "fok",
        "All or nothing. If the whole quantity can be traded at once at your price or better, "
        "it is; otherwise the order closes and the market does not notice it.",
        (
            Example("There are enough shares at your price.", 60, 5010, (BEN, CAT), 0),
            Example("One share too few, so you get none.", 61, 5010, (), 0),
        ),
    ),
    Explained(
        OrderType.IMMEDIATE_OR_CANCEL, "ioc",
        "As much as possible, now. What can be traded at once at your price or better is traded, "
        "and what is left is dropped instead of waiting.",
        (
            Example("You get part of it and leave no trace in the book.",
                    100, 5010, (BEN, CAT), 0),
        ),
    ),
)


def order_types_section() -> Markup:
    """All of them, with the book that the examples start from."""
    offers = table(("Seller", "Shares", "Price"), [
        (offer.account, str(offer.quantity), dollars(offer.price)) for offer in OFFERS
    ])
    return element(
        "section",
        element("h2", "Order types"),
        element("p", prose(
            "Every example below starts from this book, in which three people sell and nobody buys "
            "yet. BEN was there before CAT, so BEN comes first at 50.10. You are ME and buy; "
            "selling is the mirror image. A trade always happens at the price of the order that "
            "waited in the book, so you may pay less than you offered, never more."
        )),
        offers,
        *map(_explained, ORDER_TYPES),
        id="order-types",
    )


def posted(kind: Explained, example: Example) -> dict[str, object]:
    """The body to post for an example."""
    price = {} if example.price is None else {"price": example.price}
    return {
        "account": "ME", "direction": "buy", "orderType": ORDER_TYPE_NAMES[kind.type],
        **price, "qty": example.quantity,
    }


def outcome(example: Example) -> str:
    """What becomes of the order, in words."""
    bought = sum(offer.quantity for offer in example.buys)
    left = example.quantity - bought
    trades = _enumerated([
        f"{offer.quantity} from {offer.account} at {dollars(offer.price)}" for offer in example.buys
    ])
    first = f"You buy {trades}." if example.buys else "You buy nothing."
    if not left:
        return f"{first} That is all you wanted: the order is closed."
    which = f"The other {left}" if bought else f"All {left}"
    if example.rests and example.price is not None:
        return f"{first} {which} wait in the book as your bid of {dollars(example.price)}."
    return f"{first} {which} are dropped: the order is closed."


def dollars(cents: int) -> str:
    """A price as people write it."""
    return f"{cents // CENTS}.{cents % CENTS:02d}"


def _explained(kind: Explained) -> Markup:
    name = ORDER_TYPE_NAMES[kind.type]
    also = joined(" (or ", element("code", kind.short), ")") if kind.short else Markup()
    return element(
        "article",
        element("h3", element("code", name), also),
        element("p", kind.text),
        *(_worked(kind, example) for example in kind.examples),
        id=f"order-type-{name}",
    )


def _worked(kind: Explained, example: Example) -> Markup:
    return element(
        "div",
        element("p", element("strong", example.shows)),
        element("pre", element("code", pretty(posted(kind, example)))),
        element("p", outcome(example), class_="outcome"),
        class_="worked",
    )


def _enumerated(words: list[str]) -> str:
    *others, last = words or [""]
    return f"{', '.join(others)} and {last}" if others else last
