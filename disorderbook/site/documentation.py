"""Writes HTML in which every text is escaped: what is not Markup cannot become a tag.

The OpenAPI description of the protocol: as it is served, and as the documentation reads it.

The curl lines of a route: made from its examples, to be pasted into a shell as they are.

What the fields of a body or an answer mean, read from its schema.

The order types in plain words, each with small worked examples that all start from one book.

A route as the documentation shows it: what it does, what it takes, lines to copy, answers.

The websockets, with messages that the exchange's own functions make of a small trade.

The page at /docs: everything a client needs to know, made from the OpenAPI description.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import escape
from importlib.resources import files
from itertools import product
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from disorderbook import __version__
from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import ORDER_TYPE_NAMES, NewOrder, OrderType, Side
from disorderbook.protocol.messages import execution_message, tick_message

WIDTH = 76  # characters of a line of JSON


class Markup(str):
    """Text that is HTML already."""


_BETWEEN_PARTS = re.compile(r"(?<=\.)|(?<=.)(?=/)")


_MARKS = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*")


def element(name: str, *children: str, **attributes: str) -> Markup:
    """An element; children that are not Markup are escaped. `class_` and `for_` lose their
    underscore, other underscores are hyphens; an attribute that is "" stands alone.
    """
    start = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + (f'="{escape(value)}"' if value else "")
        for key, value in attributes.items()
    )
    return Markup(f"<{name}{start}>{joined(*children)}</{name}>")


def joined(*children: str) -> Markup:
    """Several pieces in a row, escaped where they are not Markup."""
    return Markup("".join(c if isinstance(c, Markup) else escape(c) for c in children))


def prose(text: str) -> Markup:
    """Text of the description, which marks `code` and **strong** words."""
    pieces, end = [], 0
    for found in _MARKS.finditer(text):
        pieces.append(joined(text[end : found.start()]))
        name = found.lastgroup or ""
        pieces.append(element(name, found[name]))
        end = found.end()
    return joined(*pieces, text[end:])


def paragraphs(text: str) -> Markup:
    """The same where an empty line begins a new paragraph."""
    return joined(*(element("p", prose(part)) for part in text.split("\n\n")))


def breakable(name: str) -> Markup:
    """A path or a name with dots, which a narrow screen may break between its parts."""
    return Markup("<wbr>".join(map(joined, _BETWEEN_PARTS.split(name))))


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> Markup:
    """A table whose cells are pieces; its first column names the rows."""
    head = element("tr", *(element("th", heading, scope="col") for heading in headings))
    body = [
        element(
            "tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:])
        )
        for row in rows
    ]
    return element("table", element("thead", head), element("tbody", *body))


def pretty(value: Any, indent: str = "") -> str:
    """JSON for people: what fits into a line stays on one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= WIDTH or not isinstance(value, dict | list):
        return line
    deeper = indent + "  "
    if isinstance(value, dict):
        parts = [
            f"{json.dumps(key, ensure_ascii=False)}: {pretty(member, deeper)}"
            for key, member in value.items()
        ]
    else:
        parts = [pretty(member, deeper) for member in value]
    start, end = "{}" if isinstance(value, dict) else "[]"
    return start + "\n" + ",\n".join(deeper + part for part in parts) + "\n" + indent + end


METHODS = ("get", "post", "delete")


Node = dict[str, Any]  # an object of the description


@lru_cache(maxsize=1)
def description_text() -> bytes:
    """The description as it is served, JSON, of this version of the exchange."""
    text = (files("disorderbook.site") / "openapi.json").read_bytes()
    return text.replace(b'"THE_VERSION"', f'"{__version__}"'.encode())


class Operation(NamedTuple):
    """What a method does at a path, with every reference in it followed one step deep."""

    method: str  # in capitals
    path: str  # with {names}
    id: str
    tag: str
    summary: str
    description: str
    needs_key: bool  # where the server does
    parameters: list[Node]
    request_body: Node | None
    responses: dict[str, Node]  # by status; a reference is kept beside what it leads to


class Description:
    """The description, parsed."""

    def __init__(self, text: bytes) -> None:
        self.document: Node = json.loads(text)

    def operations(self) -> Iterator[Operation]:
        """Every operation, in the order of the description."""
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield self._operation(method, path, item)

    def resolve(self, node: Node) -> Node:
        """An object without its reference: what that leads to, with what is said beside it."""
        while "$ref" in node:
            found: Any = self.document
            for name in node["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            node = found | {key: value for key, value in node.items() if key != "$ref"}
        return node

    def _operation(self, method: str, path: str, item: Node) -> Operation:
        said = item[method]
        parameters = item.get("parameters", []) + said.get("parameters", [])
        return Operation(
            method.upper(),
            path,
            said["operationId"],
            said["tags"][0],
            said["summary"],
            said["description"],
            "security" in said,
            [self.resolve(node) for node in parameters],
            said.get("requestBody"),
            {
                status: self.resolve(node) | {"name": node.get("$ref", "").rpartition("/")[2]}
                for status, node in said["responses"].items()
            },
        )


def examples_of(part: Node) -> list[tuple[str, Any]]:
    """The examples of a body, an answer or a parameter, each with what it shows."""
    if "example" in part:
        return [("", part["example"])]
    return [(said.get("summary", ""), said["value"]) for said in part.get("examples", {}).values()]


ORIGIN = "\0"  # stands for http://HOST, which is the client's own


ONE_LINE = 88  # characters


KEY_HEADER = "X-Starfighter-Authorization"


ANYBODY = "ME"


YOUR_ACCOUNT = "YOUR_ACCOUNT"


YOUR_KEY = "YOUR_KEY"


DISABLED = "Disabled"  # the answer of routes that need --extra


class Setup(NamedTuple):
    """How the exchange was started, as far as the lines depend on it."""

    venue: str  # of the first book
    symbol: str
    needs_keys: bool
    extra: bool  # whether it lists an account's orders
    tape_port: int | None = None  # of the websockets, if that is known

    @property
    def account(self) -> str:
        return YOUR_ACCOUNT if self.needs_keys else ANYBODY


class Call(NamedTuple):
    """A curl line, what it shows, and what a fresh exchange answers to it."""

    shows: str
    line: str
    status: str
    kind: str  # content type


def calls(operation: Operation, setup: Setup) -> list[Call]:
    """A line for each example of the body and each of the query's."""
    bodies = _bodies(operation, setup)
    queries = _queries(operation)
    return [
        _call(operation, setup, " ".join(filter(None, (shows, meaning))), body, query)
        for (shows, body), (meaning, query) in product(bodies, queries)
    ]


def _call(operation: Operation, setup: Setup, shows: str, body: Any, query: Node) -> Call:
    line = _line(operation, setup, body, query)
    refused = not setup.extra and operation.responses.get("403", {}).get("name") == DISABLED
    status = "403" if refused else "200"
    kinds = list(operation.responses[status]["content"])
    asked = [kind for kind in kinds if kind.partition("/")[2] in query.values()]
    return Call(shows, line, status, (asked or kinds)[0])


def _line(operation: Operation, setup: Setup, body: Any, query: Node) -> str:
    url = ORIGIN + _path(operation, setup) + (f"?{urlencode(query)}" if query else "")
    words = ["curl"]
    if body is not None:
        words.append(f"-d {_quoted(json.dumps(body, ensure_ascii=False))}")
    elif operation.method != "GET":
        words.append(f"-X {operation.method}")
    if setup.needs_keys and operation.needs_key:
        words.append(f"-H {_quoted(f'{KEY_HEADER}: {YOUR_KEY}')}")
    line = " ".join([*words, _quoted(url)])
    if len(line) <= ONE_LINE:
        return line
    return " \\\n    ".join([" ".join(words[:2]), *words[2:], _quoted(url)])


def _path(operation: Operation, setup: Setup) -> str:
    names = {
        node["name"]: str(examples_of(node)[0][1])
        for node in operation.parameters
        if node["in"] == "path"
    }
    names |= {"venue": setup.venue, "symbol": setup.symbol, "account": setup.account}
    return operation.path.format(**{name: quote(word, safe="") for name, word in names.items()})


def _bodies(operation: Operation, setup: Setup) -> list[tuple[str, Any]]:
    if operation.request_body is None:
        return [("", None)]
    ours = {"account": setup.account, "venue": setup.venue, "stock": setup.symbol}
    return [
        (shows, {key: ours.get(key, value) for key, value in body.items()})
        for shows, body in examples_of(operation.request_body["content"]["application/json"])
    ]


def _queries(operation: Operation) -> list[tuple[str, Node]]:
    """The query that must be there, and that with each example of what need not."""
    asked = [node for node in operation.parameters if node["in"] == "query"]
    least = {node["name"]: examples_of(node)[0][1] for node in asked if node.get("required", False)}
    more = [
        (shows or f"With {node['name']}.", least | {node["name"]: value})
        for node in asked
        if node["name"] not in least
        for shows, value in examples_of(node)
    ]
    return [("", least), *more]


def _quoted(text: str) -> str:
    """A word for the shell, in quotes whether or not it needs them: hosts are put in later."""
    return "'" + text.replace("'", r"'\''") + "'"


OPTIONAL = ", optional"


SHOWN_APART = {"NewOrder"}  # explained where it is posted


class Field(NamedTuple):
    """A field of an object; one inside of another is named after both."""

    name: str
    type: Markup
    is_required: bool
    description: str


def objects_section(description: Description) -> Markup:
    """Every object that answers are made of."""
    schemas = {
        name: schema
        for name, schema in description.document["components"]["schemas"].items()
        if "properties" in schema and name not in SHOWN_APART
    }
    return element(
        "section",
        element("h2", "Objects"),
        element(
            "p",
            prose(
                "What the fields of answers mean. One that is optional is left out when there is "
                "nothing to say; no field is ever null."
            ),
        ),
        *(
            element(
                "article",
                element("h3", name),
                element("p", prose(schema["description"])),
                fields_table(schema, description),
                id=f"schema-{name}",
            )
            for name, schema in schemas.items()
        ),
        id="objects",
    )


def fields_table(schema: Node, description: Description) -> Markup:
    """The fields of an object, one a row."""
    return table(
        ("Field", "Type", "Meaning"),
        [
            (
                element("code", breakable(field.name)),
                joined(field.type, "" if field.is_required else OPTIONAL),
                prose(field.description),
            )
            for field in fields_of(schema, description)
        ],
    )


def fields_of(schema: Node, description: Description, before: str = "") -> Iterator[Field]:
    """The fields of an object, those of objects without a name inside of it included."""
    required = schema.get("required", [])
    for key, said in schema["properties"].items():
        node = description.resolve(said)
        yield Field(
            before + key,
            _type(said, description),
            key in required,
            node.get("description", ""),
        )
        items, name = (node.get("items", {}), "[].") if "items" in node else (said, ".")
        if "properties" in items and not name_of(items):
            yield from fields_of(items, description, before + key + name)


def parameters_table(operation: Operation, description: Description) -> Markup:
    """What stands in a route's path and query."""
    return table(
        ("Parameter", "Where", "Meaning"),
        [
            (
                element("code", node["name"]),
                node["in"],
                joined(prose(node["description"]), _choices(node)),
            )
            for node in operation.parameters
        ],
    )


def name_of(schema: Node) -> str:
    """The name of the object that a schema refers to, "" if it describes one itself."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _choices(node: Node) -> Markup:
    """What a parameter may be, and what it is when it is left out."""
    schema, said = node["schema"], []
    if "enum" in schema:
        said.append(joined(" One of ", _alternatives(schema["enum"]), "."))
    elif examples_of(node):
        said.append(joined(" For example ", _code(examples_of(node)[0][1]), "."))
    if node["in"] == "query" and "maximum" in schema:
        said.append(joined(" At most ", _code(schema["maximum"]), "."))
    if "default" in schema:
        said.append(joined(" Without it: ", _code(schema["default"]), "."))
    return joined(*said)


def _type(said: Node, description: Description) -> Markup:
    node = description.resolve(said)
    if node.get("type") == "array":
        items = node.get("items", {})
        return joined("list of ", _type(items, description)) if items else joined("list")
    if "properties" in node and name_of(said):
        return element("a", name_of(said), href=f"#schema-{name_of(said)}")
    if "const" in node:
        return joined("always ", _code(node["const"]))
    if "enum" in node:
        return _alternatives(node["enum"])
    if "anyOf" in node:
        return joined(" or ".join(choice["type"] for choice in node["anyOf"]))
    return joined(node.get("type", "any"))


def _alternatives(words: list[object]) -> Markup:
    first, *others = map(_code, words)
    return joined(first, *(joined(", ", word) for word in others))


def _code(value: object) -> Markup:
    return element("code", value if isinstance(value, str) and value else pretty(value))


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


def order_types_section() -> Markup:
    """All of them, with the book that the examples start from."""
    offers = table(
        ("Seller", "Shares", "Price"),
        [(offer.account, str(offer.quantity), dollars(offer.price)) for offer in OFFERS],
    )
    return element(
        "section",
        element("h2", "Order types"),
        element(
            "p",
            prose(
                "Every example below starts from this book, in which three people sell and nobody "
                "buys yet. BEN was there before CAT, so BEN comes first at 50.10. You are ME and "
                "buy; selling is the mirror image. A trade always happens at the price of the "
                "order that waited in the book, so you may pay less than you offered, never more."
            ),
        ),
        offers,
        *map(_explained, ORDER_TYPES),
        id="order-types",
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


JSON = "application/json"


SUCCESS = "200"


DISABLED_HERE = "This exchange was started without --extra, so it refuses:"


class Refusal(NamedTuple):
    """A status, the sentence that comes with it, and when."""

    status: str
    sentence: str
    reason: str


def route_article(
    operation: Operation, setup: Setup, description: Description, common: set[Refusal]
) -> Markup:
    """Everything about one route; `common` are the refusals that are explained elsewhere."""
    return element(
        "article",
        element(
            "h3", method_mark(operation.method), " ", element("code", breakable(operation.path))
        ),
        element("p", operation.summary, class_="summary"),
        paragraphs(operation.description),
        *_taken(operation, description),
        element("h4", "Try it"),
        *_tried(operation, setup),
        element("h4", "Answer"),
        *_answers(operation, description),
        element("h4", "Refusals"),
        _refusals(operation, common),
        id=operation.id,
    )


def refusals_of(operation: Operation) -> list[Refusal]:
    """Every refusal that a route can answer with."""
    return [
        refusal
        for status, response in operation.responses.items()
        if status != SUCCESS
        for refusal in refusals_in(status, response)
    ]


def refusals_in(status: str, response: Node) -> list[Refusal]:
    """Those of one answer; one that is no JSON is its own sentence."""
    return [
        Refusal(
            status,
            value["error"] if isinstance(value, dict) else value,
            reason or response["description"],
        )
        for part in response["content"].values()
        for reason, value in examples_of(part)
    ]


def common_refusals(operations: Iterable[Operation]) -> list[Refusal]:
    """What most routes refuse alike."""
    every = [refusals_of(operation) for operation in operations]
    counted = Counter(refusal for refusals in every for refusal in refusals)
    return [refusal for refusal, count in counted.items() if 2 * count > len(every)]


def refusals_table(refusals: Iterable[Refusal]) -> Markup:
    """Statuses, sentences and reasons."""
    return table(
        ("Status", "Sentence", "When"),
        [
            (status, element("code", sentence), prose(reason))
            for status, sentence, reason in sorted(refusals, key=lambda refusal: refusal.status)
        ],
    )


def method_mark(method: str) -> Markup:
    """A method in its colour."""
    return element("span", method, class_=f"method {method.lower()}")


def curl_block(line: str, name: str) -> Markup:
    """A line to copy; the button comes to life with the page's script."""
    return element(
        "div",
        element("pre", element("code", line)),
        element("button", "Copy", type="button", hidden="", aria_label=f"Copy: {name}"),
        class_="curl",
    )


def _taken(operation: Operation, description: Description) -> list[Markup]:
    """What goes into the path, the query and the body."""
    parts = []
    if operation.parameters:
        parts += [element("h4", "Parameters"), parameters_table(operation, description)]
    if operation.request_body:
        schema = description.resolve(operation.request_body["content"][JSON]["schema"])
        parts += [
            element("h4", "Body"),
            element("p", prose(operation.request_body["description"])),
            fields_table(schema, description),
            element("p", prose(schema["description"])),
        ]
    return parts


def _tried(operation: Operation, setup: Setup) -> list[Markup]:
    shown: list[Markup] = []
    for call in calls(operation, setup):
        if call.shows:
            shown.append(element("p", call.shows))
        if call.status != SUCCESS:
            shown.append(element("p", DISABLED_HERE))
        name = f"{operation.method} {operation.path} {call.shows}".strip()
        shown.append(curl_block(call.line, name))
        shown.append(
            element(
                "p",
                "answers ",
                element("b", call.status),
                " with ",
                element("b", call.kind),
                class_="promise",
            )
        )
    return shown


def _answers(operation: Operation, description: Description) -> list[Markup]:
    response = operation.responses[SUCCESS]
    shown = []
    for kind, part in response["content"].items():
        meaning = joined(response["description"], " ") if part is _first(response) else Markup()
        shown.append(element("p", meaning, element("b", f"{SUCCESS} {kind}"), _link(part)))
        if kind == JSON and not name_of(part["schema"]):
            shown.append(fields_table(part["schema"], description))
        for summary, value in examples_of(part):
            if summary:
                shown.append(element("p", summary))
            text = pretty(value) if kind == JSON else value.replace("\r\n", "\n").rstrip()
            shown.append(element("pre", element("code", text), class_="example"))
    return shown


def _first(response: Node) -> Node:
    part: Node = next(iter(response["content"].values()))
    return part


def _link(part: Node) -> Markup:
    name = name_of(part["schema"])
    if not name:
        return Markup()
    return joined(", fields: ", element("a", name, href=f"#schema-{name}"))


def _refusals(operation: Operation, common: set[Refusal]) -> Markup:
    refusals = refusals_of(operation)
    own = [refusal for refusal in refusals if refusal not in common]
    usual = sorted({refusal.status for refusal in refusals if refusal in common})
    link = element("a", "As most routes do", href="#refusals")
    also = element("p", link, f", it can answer {', '.join(usual)}.") if usual else Markup()
    return joined(refusals_table(own) if own else Markup(), also)


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


EXECUTION_FIELDS = (
    ("ok", "Always true."),
    ("account", "The account that is being told."),
    ("venue", "The venue."),
    ("symbol", "The stock."),
    ("order", "That account's own order as it stood right after this trade."),
    ("standingId", "Id of the order that waited in the book."),
    ("incomingId", "Id of the order that came and traded with it."),
    ("price", "Cents a share, the price of the standing order."),
    ("filled", "Shares that changed hands."),
    ("filledAt", "When."),
    ("standingComplete", "Whether the standing order is filled by this."),
    ("incomingComplete", "Whether the incoming order is filled by this."),
)


class Messages(NamedTuple):
    """What is told of one trade: to its seller, to its buyer, and to everybody."""

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


def tape_section(setup: Setup) -> Markup:
    """The four URLs, what comes from them, and in which order."""
    told = example_messages(setup)
    return element(
        "section",
        element("h2", "The tape (websockets)"),
        *(element("p", prose(text)) for text in _tape_introduction(setup)),
        element(
            "dl",
            *(
                joined(element("dt", element("code", url)), element("dd", meaning))
                for url, meaning in socket_urls(setup)
            ),
        ),
        element(
            "p",
            prose(
                "Suppose BEN offers 40 shares at 50.10, and then you buy 25 of them. Three "
                "messages follow, in this order. (On the wire each is one line without blanks.)"
            ),
        ),
        element("h3", "Executions", id="tape-execution"),
        element("p", "BEN, whose order waited in the book, is told first:"),
        _message(told.seller),
        element("p", "You are told the same trade, with your own order in it:"),
        _message(told.buyer),
        table(
            ("Field", "Meaning"),
            [(element("code", name), meaning) for name, meaning in EXECUTION_FIELDS],
        ),
        element("h3", "A tick", id="tape-tick"),
        element(
            "p",
            joined(
                "Then everybody gets the ",
                element("a", "quote", href="#schema-Quote"),
                " as it is after the whole order:",
            ),
        ),
        _message(told.tick),
        element(
            "p",
            prose(
                "An order that trades three times makes six executions and one tick. A cancel "
                "makes a tick too; a fill-or-kill order that is not filled makes none."
            ),
        ),
        id="tape",
    )


def socket_urls(setup: Setup) -> list[tuple[str, str]]:
    """The four URLs for the first book, and what each tells."""
    account, venue, symbol = (
        quote(name, safe="") for name in (setup.account, setup.venue, setup.symbol)
    )
    start = f"{TAPE_ORIGIN}:{setup.tape_port or TAPE_PORT}/ob/api/ws/{account}/venues/{venue}/"
    return [(start + form.format(symbol=symbol), meaning) for form, meaning in SOCKETS]


def _tape_introduction(setup: Setup) -> list[str]:
    keys = (
        "This exchange needs keys. The two `executions` URLs want that of their account: in a "
        "header or cookie as everywhere, or, where a client can send neither, as `?api_key=KEY` "
        "at the end of the URL, or as `/key/KEY` before its `/ob/api/ws/`. The ticks are for "
        "everybody."
        if setup.needs_keys
        else "This exchange needs no keys, so anybody may listen to anybody's executions."
    )
    return [
        "An exchange that was started with `--websockets` tells who listens what happens, "
        f"on {_port(setup)}. Instead of asking for the quote again and again, open "
        f"one of these URLs with any websocket client, here for the account {setup.account}. "
        "The venue or stock need not exist yet. You never have to send anything.",
        keys,
        'Any other URL gets one message, `{"ok": false, "error": "..."}`, and is closed with '
        "code 1008; so is a wrong key. The reason of that close frame is what the message says, as "
        "far as it fits, and both come a second late: clients that reconnect at once would "
        "otherwise do nothing else.",
    ]


def _port(setup: Setup) -> str:
    if setup.tape_port is None:
        return f"port {TAPE_PORT} or that of `--wsport`"
    return f"a port of its own, here {setup.tape_port}"


def _message(message: Any) -> Markup:
    return element("pre", element("code", pretty(message)))


DEFAULT_HOST = "127.0.0.1:8000"


PAGES_KEPT = 4  # an exchange needs one


_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")


# Answers that belong to no route.
_ELSEWHERE = {"400": "IllegalHost", "404": "NoSuchPath", "405": "WrongMethod", "415": "EncodedBody"}


_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'">
<link rel="icon" href="data:,">
<title>disorderBook: documentation</title>
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the text</a>
{body}
<script>
{script}</script>
</body>
</html>
"""


def docs_page(host: str, setup: Setup) -> str:
    """The page for a client that calls the exchange `host`, such as 127.0.0.1:8000. A host that
    no address could have is replaced by the usual one.
    """
    found = _HOST.fullmatch(host) or _HOST.fullmatch(DEFAULT_HOST)
    assert found is not None
    return (
        _page_without_host(setup)
        .replace(ORIGIN, escape(f"http://{found[0]}"))
        .replace(TAPE_ORIGIN, escape(f"ws://{found['name']}"))
    )


@lru_cache(maxsize=PAGES_KEPT)
def _page_without_host(setup: Setup) -> str:
    description = Description(description_text())
    operations = list(description.operations())
    groups = {
        tag["name"]: [o for o in operations if o.tag == tag["name"]]
        for tag in description.document["tags"]
    }
    body = joined(
        _contents(groups),
        element(
            "main",
            _introduction(description, setup),
            _routes(description, groups, setup),
            _refusals_section(description, operations),
            order_types_section(),
            tape_section(setup),
            objects_section(description),
            id="content",
        ),
        element("p", role="status", class_="unseen"),
    )
    style, shells, script = (
        (files("disorderbook.site") / name).read_text(encoding="utf-8")
        for name in ("documentation.css", "static/shell.js", "documentation.js")
    )
    return _HEAD.format(style=style, body=_with_origins(body), script=shells + script)


def _with_origins(body: str) -> str:
    """The page's script corrects the origin where a proxy has changed it."""
    return body.replace(ORIGIN, f'<span class="origin">{ORIGIN}</span>')


def _introduction(description: Description, setup: Setup) -> Markup:
    info = description.document["info"]
    return element(
        "section",
        element("h1", "disorderBook"),
        element("p", info["summary"], class_="summary"),
        element("p", *_about_lines(setup)),
        _shells(),
        _key_fields() if setup.needs_keys else Markup(),
        paragraphs(info["description"]),
        element(
            "p",
            "For programs, all routes below are in ",
            element("a", "openapi.json", href="/openapi.json"),
            ". See also ",
            element("a", "the front page", href="/"),
            ".",
        ),
        id="introduction",
    )


def _about_lines(setup: Setup) -> list[Markup]:
    lines = [
        prose(
            "Every line that begins with `curl` can be pasted into a terminal as it is. They work "
            "from top to bottom on an exchange that has just been started; after that, put in the "
            "ids that your own answers name. "
        )
    ]
    if setup.needs_keys:
        lines.append(
            prose(
                f"**This exchange needs keys**: put your account for `{YOUR_ACCOUNT}` and its key "
                f"for `{YOUR_KEY}`."
            )
        )
    return lines


def _shells() -> Markup:
    """Where a reader on Windows, to whom the page's script shows it, chooses a shell."""
    return element(
        "p",
        element(
            "label",
            "The lines are for ",
            Markup(
                '<select><option value="powershell">PowerShell</option>'
                '<option value="cmd">the Command Prompt</option>'
                '<option value="posix">Git or WSL</option></select>'
            ),
        ),
        id="shell",
        hidden="",
    )


def _key_fields() -> Markup:
    """Where the page's script lets people write their account and key into every line."""
    account, key = (
        element(
            "label",
            label,
            " ",
            Markup(
                f'<input type="text" data-stands-for="{placeholder}" autocomplete="off" '
                'spellcheck="false">'
            ),
        )
        for label, placeholder in (("Account", YOUR_ACCOUNT), ("Key", YOUR_KEY))
    )
    return element(
        "p",
        account,
        " ",
        key,
        " They are put into the lines below and stay in this page.",
        id="mine",
        hidden="",
    )


def _routes(description: Description, groups: dict[str, list[Operation]], setup: Setup) -> Markup:
    common = set(common_refusals(o for operations in groups.values() for o in operations))
    return joined(
        *(
            element(
                "section",
                element("h2", tag["name"].capitalize()),
                element("p", prose(tag["description"])),
                *(route_article(o, setup, description, common) for o in groups[tag["name"]]),
                id=f"tag-{tag['name']}",
            )
            for tag in description.document["tags"]
        )
    )


def _refusals_section(description: Description, operations: list[Operation]) -> Markup:
    responses = description.document["components"]["responses"]
    elsewhere = [
        refusal
        for status, name in _ELSEWHERE.items()
        for refusal in refusals_in(status, responses[name])
    ]
    return element(
        "section",
        element("h2", "Refusals of most routes"),
        element(
            "p",
            prose(
                'A refusal is `{"ok": false, "error": "..."}` with one of these sentences, '
                "word for word, and has changed nothing."
            ),
        ),
        refusals_table(common_refusals(operations) + elsewhere),
        element("p", "To see one:"),
        curl_block(f"curl '{ORIGIN}/ob/api/nowhere'", "a refusal"),
        element(
            "p",
            "answers ",
            element("b", "404"),
            " with ",
            element("b", "application/json"),
            class_="promise",
        ),
        id="refusals",
    )


def _contents(groups: dict[str, list[Operation]]) -> Markup:
    """The table of contents."""
    sections = [_entry("introduction", "Introduction")]
    sections += [
        _entry(
            f"tag-{name}",
            name.capitalize(),
            [(o.id, joined(method_mark(o.method), " ", o.summary)) for o in operations],
        )
        for name, operations in groups.items()
    ]
    sections += [
        _entry("refusals", "Refusals of most routes"),
        _entry(
            "order-types",
            "Order types",
            [(f"order-type-{name}", name) for name in ORDER_TYPE_NAMES.values()],
        ),
        _entry("tape", "The tape (websockets)"),
        _entry("objects", "Objects"),
    ]
    return element(
        "nav",
        element(
            "details",
            element("summary", "Contents"),
            element("ul", *sections),
            open="",
        ),
        aria_label="Contents",
    )


def _entry(target: str, text: str, below: list[tuple[str, str]] | None = None) -> Markup:
    link = element("a", text, href=f"#{target}")
    if not below:
        return element("li", link)
    return element("li", link, element("ul", *(_entry(*entry) for entry in below)))
