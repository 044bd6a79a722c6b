"""What the documentation shows at work: the curl lines of a route, the order types and the tape.

A curl line is made from the examples of the description, to be pasted into a shell as it is; beside
it stands the same in Python, and the page can send what a form of it says. Each
order type has small examples that all start from one book. The tape's messages are those that the
exchange's own functions make of a small trade.
"""

import json
from collections.abc import Iterable
from itertools import product
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import ORDER_TYPE_NAMES, NewOrder, OrderType, Side
from disorderbook.protocol.messages import execution_message, tick_message
from disorderbook.protocol.names import JSON
from disorderbook.rules.market import RuleBook
from disorderbook.site.description import Node, Operation, examples_of

ORIGIN = "\0"  # stands for http://HOST, which is the client's own
ONE_LINE = 88  # characters
PYTHON_LINE = 60  # characters of a value in Python, which stands beside the text
ORDERS = "orders"  # the tag of the routes that trade
PAGES = "pages"  # that of those for people
KEY_HEADER = "X-Starfighter-Authorization"
ANYBODY = "ME"
YOUR_ACCOUNT = "YOUR_ACCOUNT"
YOUR_KEY = "YOUR_KEY"
ADMIN_KEY = "ADMIN_KEY"
DISABLED = "Disabled"  # the answer of routes that need --extra
NO_ACCUSATION = "BadAccusation"  # one of the route that takes them
BAD_MOVE = "BadMove"  # one of the route that moves the clock
NO_SNAPSHOT = "BadSnapshot"  # one of the route that saves the market
NO_SUCH_SNAPSHOT = "NoSuchSnapshot"  # one of those that need a saved market
NO_TAPE = "NoTape"  # one of the routes that control the tape
NOT_ADMIN = "NotAdmin"  # one of the routes that are for the admin, where keys are needed
NOT_THE_ADMIN = "NotTheAdmin"  # one of those that are for the admin anywhere
BAD_ACCOUNT = "BadAccount"  # one of the routes that change an account's key
BAD_NEW_ACCOUNT = "BadNewAccount"  # one of the route that adds an account
# How a line is refused that gets this answer, and why.
REFUSED = {
    DISABLED: ("403", "This exchange was started without --extra, so it refuses:"),
    NO_ACCUSATION: ("400", "The level of the examples takes no accusation, so this is refused:"),
    NOT_ADMIN: ("401", "This exchange was started without --admin-key-file, so it refuses:"),
    BAD_ACCOUNT: ("400", "This exchange was started without --accounts, so this is refused:"),
    BAD_NEW_ACCOUNT: ("400", "This exchange was started without --accounts, so this is refused:"),
    BAD_MOVE: ("400", "This exchange's clock goes by itself, so this is refused:"),
    NO_SNAPSHOT: ("400", "This exchange's market is in a file, so this is refused:"),
    NO_SUCH_SNAPSHOT: ("404", "A market in a file takes no snapshots, so there is none:"),
    NO_TAPE: ("503", "This exchange was started without --websockets, so it refuses:"),
}
CENTS = 100  # in a dollar
TAPE_ORIGIN = "\1"  # stands for ws://HOST, which is the client's own
TAPE_PORT = 8001  # unless the exchange was told another
SECOND = 10**9  # nanoseconds
BEGINNING = 1_453_070_587_123_456_789  # nanoseconds since 1970
SOCKETS = (
    ("tickertape", "Every tick of the venue, whatever account the URL names."),
    ("tickertape/stocks/{symbol}", "The same for one stock."),
    ("executions", "Every trade of the account that the URL names, at this venue."),
    ("executions/stocks/{symbol}", "The same for one stock."),
)


class RuleRow(NamedTuple):
    """A rule of the market, by its name in JSON, and where it holds."""

    where: str
    name: str
    value: str


def rows_of(book: RuleBook) -> tuple[RuleRow, ...]:
    """Every rule of a market, those that hold most widely first."""
    rows = []
    for venue, symbol, rules in book.entries():
        where = "everywhere" if venue is None else f"at {venue}"
        if symbol is not None:
            where = f"{symbol} {where}"
        for name, value in rules.given():
            first, *others = name.split("_")
            rows.append(RuleRow(where, first + "".join(map(str.capitalize, others)), str(value)))
    return tuple(rows)


class Setup(NamedTuple):
    """How the exchange was started, as far as the lines depend on it."""

    venue: str  # of the first book
    symbol: str
    needs_keys: bool
    extra: bool  # whether it lists an account's orders
    tape_port: int | None = None  # that websockets have beside the exchange's, if there are any
    is_stepped: bool = False  # whether its clock moves when asked
    has_control: bool = False  # whether there are routes that control the market
    has_admin_key: bool = False  # whether those need a key, and moving the clock
    is_stored: bool = False  # whether the market is in a file
    rules: tuple[RuleRow, ...] = ()  # of the market

    @property
    def account(self) -> str:
        return YOUR_ACCOUNT if self.needs_keys else ANYBODY

    def named(self) -> dict[str, str]:
        """What stands for these parts of a path."""
        return {"venue": self.venue, "symbol": self.symbol, "account": self.account}


class Call(NamedTuple):
    """A curl line, what it shows, and what a fresh exchange answers to it."""

    shows: str
    line: str
    status: str
    kind: str  # content type
    why: str = ""  # it is refused
    python: str = ""  # the same in Python


def placeholders(setup: Setup) -> list[tuple[str, str]]:
    """What the reader has to put into the lines, each with a label."""
    own = [("Account", YOUR_ACCOUNT), ("Key", YOUR_KEY)] if setup.needs_keys else []
    return own + ([("Admin's key", ADMIN_KEY)] if setup.has_admin_key else [])


def calls(operation: Operation, setup: Setup) -> list[Call]:
    """A line for each example of the body and each of the query's."""
    bodies = _bodies(operation, setup)
    queries = _queries(operation, setup)
    return [
        _call(operation, setup, " ".join(filter(None, (shows, meaning))), body, query)
        for (shows, body), (meaning, query) in product(bodies, queries)
    ]


def _call(operation: Operation, setup: Setup, shows: str, body: Any, query: Node) -> Call:
    line = _line(operation, setup, body, query)
    status, why = _outcome(operation, setup)
    kinds = list(operation.responses[status]["content"])
    asked = [kind for kind in kinds if kind.partition("/")[2] in query.values()]
    python = _python(operation, setup, body, query)
    return Call(shows, line, status, (asked or kinds)[0], why, python)


def _outcome(operation: Operation, setup: Setup) -> tuple[str, str]:
    """The status that a line gets, and why it is refused, if it is."""
    names = _answers(operation)
    for refusal, is_refused in (
        (DISABLED, not setup.extra),
        (NO_ACCUSATION, True),
        (NOT_ADMIN, setup.needs_keys and not setup.has_admin_key),
        (BAD_ACCOUNT, not setup.needs_keys),
        (BAD_NEW_ACCOUNT, not setup.needs_keys),
        (BAD_MOVE, not setup.is_stepped),
        (NO_SNAPSHOT, setup.is_stored),
        (NO_SUCH_SNAPSHOT, setup.is_stored),
        (NO_TAPE, setup.tape_port is None),
    ):
        if is_refused and refusal in names:
            return REFUSED[refusal]
    return "200", ""


def _answers(operation: Operation) -> set[str]:
    """The names of those that have one."""
    return {response.get("name", "") for response in operation.responses.values()}


def form_of(operation: Operation, setup: Setup) -> Node | None:
    """What the page's script needs to send a request that the reader has filled in, or None for
    what it does not send: it reads, and it places and cancels orders.
    """
    if operation.tag != ORDERS and (operation.method != "GET" or operation.tag == PAGES):
        return None
    bodies = _bodies(operation, setup)
    return {
        "method": operation.method,
        "path": operation.path,
        "names": [
            {"name": node["name"], "in": node["in"], "value": _filled_in(node, setup)}
            for node in operation.parameters
        ],
        "body": bodies[0][1],
        "key": _key(operation, setup),
    }


def _filled_in(node: Node, setup: Setup) -> str:
    """What the form has for a parameter at first: nothing for one that may be left out."""
    if node["in"] != "path" and not node.get("required", False):
        return ""
    return str(setup.named().get(node["name"], examples_of(node)[0][1]))


def python_call(method: str, url: str, arguments: Iterable[str] = ()) -> str:
    """A request in Python, to run as it is; a long one has a line for each argument."""
    words = [f'"{url}"', *arguments]
    line = f"answer = requests.{method.lower()}({', '.join(words)})"
    if len(line) > ONE_LINE or "\n" in line:
        inner = "".join(f"    {word},\n" for word in words)
        line = f"answer = requests.{method.lower()}(\n{inner})"
    return f"import requests\n\n{line}\nprint(answer.status_code, answer.text)"


def _python(operation: Operation, setup: Setup, body: Any, query: Node) -> str:
    key = _key(operation, setup)
    arguments = [] if body is None else [f"json={python_literal(body, '    ')}"]
    if key:
        arguments.append(f'headers={{"{KEY_HEADER}": "{key}".encode()}}')
    return python_call(operation.method, _url(operation, setup, query), arguments)


def python_literal(value: Any, indent: str = "") -> str:
    """A value of JSON as Python spells it: what fits into a line stays on one."""
    if isinstance(value, dict):
        parts = [
            f"{python_literal(k)}: {python_literal(v, indent + '    ')}" for k, v in value.items()
        ]
    elif isinstance(value, list):
        parts = [python_literal(member, indent + "    ") for member in value]
    else:
        return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
    start, end = "{}" if isinstance(value, dict) else "[]"
    line = start + ", ".join(parts) + end
    if len(indent) + len(line) <= PYTHON_LINE and "\n" not in line:
        return line
    return start + "".join(f"\n{indent}    {part}," for part in parts) + f"\n{indent}{end}"


def _url(operation: Operation, setup: Setup, query: Node) -> str:
    return ORIGIN + _path(operation, setup) + (f"?{urlencode(query)}" if query else "")


def _line(operation: Operation, setup: Setup, body: Any, query: Node) -> str:
    url = _url(operation, setup, query)
    words = ["curl"]
    if operation.method != ("GET" if body is None else "POST"):
        words.append(f"-X {operation.method}")
    if body is not None:
        words.append(f"-d {_quoted(json.dumps(body, ensure_ascii=False))}")
    key = _key(operation, setup)
    if key:
        words.append(f"-H {_quoted(f'{KEY_HEADER}: {key}')}")
    line = " ".join([*words, _quoted(url)])
    if len(line) <= ONE_LINE:
        return line
    # A page breaks a line between an indent and a URL that is too wide, and not within the URL.
    return " \\\n    ".join([" ".join(words[:2]), *words[2:]]) + " \\\n" + _quoted(url)


def _key(operation: Operation, setup: Setup) -> str:
    """What stands for the key that is needed, "" if none is."""
    if setup.has_admin_key and not {NOT_ADMIN, NOT_THE_ADMIN}.isdisjoint(_answers(operation)):
        return ADMIN_KEY
    return YOUR_KEY if setup.needs_keys and operation.needs_key else ""


def _path(operation: Operation, setup: Setup) -> str:
    names = {
        node["name"]: str(examples_of(node)[0][1])
        for node in operation.parameters
        if node["in"] == "path"
    }
    names |= setup.named()
    return operation.path.format(**{name: quote(word, safe="") for name, word in names.items()})


def _bodies(operation: Operation, setup: Setup) -> list[tuple[str, Any]]:
    if operation.request_body is None:
        return [("", None)]
    ours = {
        "account": setup.account,
        "venue": setup.venue,
        "stock": setup.symbol,
        "symbol": setup.symbol,
    }
    return [
        (shows, {key: ours.get(key, value) for key, value in body.items()})
        for shows, body in examples_of(operation.request_body["content"][JSON])
    ]


def _queries(operation: Operation, setup: Setup) -> list[tuple[str, Node]]:
    """The query that must be there, and that with each example of what need not."""
    asked = [node for node in operation.parameters if node["in"] == "query"]
    ours = {"symbol": setup.symbol}
    least = {
        node["name"]: ours.get(node["name"], examples_of(node)[0][1])
        for node in asked
        if node.get("required", False)
    }
    more = [
        (shows or f"With {node['name']}.", least | {node["name"]: ours.get(node["name"], value)})
        for node in asked
        if node["name"] not in least
        for shows, value in examples_of(node)
    ]
    return [("", least), *more]


def _quoted(text: str) -> str:
    """A word for the shell, in quotes whether or not it needs them: hosts are put in later."""
    return "'" + text.replace("'", r"'\''") + "'"


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
    Offer("BEN", 40, 5010),
    Offer("CAT", 20, 5010),
    Offer("DAN", 30, 5025),
)

ORDER_TYPES = (
    Explained(
        OrderType.LIMIT,
        "",
        "You name the worst price that you accept. Whatever can be traded at that price or a "
        "better one is traded at once; the rest waits in the book, first come, first served, until "
        "somebody trades with it or you cancel it. It is the only type that ever waits.",
        (
            Example(
                "You accept every price on offer, and want more than there is.",
                100,
                5025,
                (BEN, CAT, DAN),
                10,
            ),
            Example("Nobody sells as cheaply as you would like.", 100, 5000, (), 100),
        ),
    ),
    Explained(
        OrderType.MARKET,
        "",
        "You name no price and take what there is, the best price first, however bad it gets. "
        "What cannot be traded at once is dropped. In a thin market that can be expensive, "
        "or bring nothing at all.",
        (
            Example(
                "It eats through both prices.",
                70,
                None,
                (BEN, CAT, Offer("DAN", 10, 5025)),
                0,
            ),
            Example("You want more than there is.", 100, None, (BEN, CAT, DAN), 0),
        ),
    ),
    Explained(
        OrderType.FILL_OR_KILL,
        "fok",
        "All or nothing. If the whole quantity can be traded at once at your price or better, "
        "it is; otherwise the order closes and the market does not notice it.",
        (
            Example("There are enough shares at your price.", 60, 5010, (BEN, CAT), 0),
            Example("One share too few, so you get none.", 61, 5010, (), 0),
        ),
    ),
    Explained(
        OrderType.IMMEDIATE_OR_CANCEL,
        "ioc",
        "As much as possible, now. What can be traded at once at your price or better is traded, "
        "and what is left is dropped instead of waiting.",
        (Example("You get part of it and leave no trace in the book.", 100, 5010, (BEN, CAT), 0),),
    ),
)


def posted(kind: Explained, example: Example) -> dict[str, object]:
    """The body to post for an example."""
    price = {} if example.price is None else {"price": example.price}
    return {
        "account": "ME",
        "direction": "buy",
        "orderType": ORDER_TYPE_NAMES[kind.type],
        **price,
        "qty": example.quantity,
    }


def outcome(example: Example) -> str:
    """What becomes of the order, in words."""
    bought = sum(offer.quantity for offer in example.buys)
    left = example.quantity - bought
    trades = _enumerated(
        [
            f"{offer.quantity} from {offer.account} at {dollars(offer.price)}"
            for offer in example.buys
        ]
    )
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


def _enumerated(words: list[str]) -> str:
    *others, last = words or [""]
    return f"{', '.join(others)} and {last}" if others else last


class Messages(NamedTuple):
    """The messages of one trade: its seller's, its buyer's, and everybody's."""

    seller: Any
    buyer: Any
    tick: Any


def example_messages(setup: Setup) -> Messages:
    """BEN offers 40 shares at 50.10; then you buy 25 of them."""
    book = OrderBook(setup.venue, setup.symbol, BEGINNING)
    book.submit(NewOrder("BEN", Side.SELL, OrderType.LIMIT, 5010, 40), BEGINNING + SECOND)
    buy = NewOrder(setup.account, Side.BUY, OrderType.LIMIT, 5025, 25)
    (trade,) = book.submit(buy, BEGINNING + 2 * SECOND).executions
    return Messages(
        json.loads(execution_message(trade, trade.standing)),
        json.loads(execution_message(trade, trade.incoming)),
        json.loads(tick_message(book.quote())),
    )


def socket_urls(setup: Setup) -> list[tuple[str, str]]:
    """The four URLs for the first book, and what comes from each."""
    account, venue, symbol = (
        quote(name, safe="") for name in (setup.account, setup.venue, setup.symbol)
    )
    start = f"{TAPE_ORIGIN}/ob/api/ws/{account}/venues/{venue}/"
    return [(start + form.format(symbol=symbol), meaning) for form, meaning in SOCKETS]
