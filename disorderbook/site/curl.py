"""The curl lines of a route: made from its examples, to be pasted into a shell as they are."""

import json
from itertools import product
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from disorderbook.site.description import Operation, examples_of
from disorderbook.site.schemas import Node

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
