# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
Whether two servers answer the same random stream of requests alike.

    python3 benchmarks/same_stream.py URL_A URL_B [--requests 2000] [--seed 2016]

Both get the same orders, cancels and questions, one after the other, and every answer is compared,
books, quotes and scores among them. Two differences are no difference:

- time stamps, since no two clocks agree;
- the id of an entry in the list of venues, which the first disorderBook did not have. Entries of
  other venues than the one that is traded at are left out of the comparison.
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import itertools
import json
import random
import re
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from options import DEFAULT_URL, FAILURE, Options, between, loopback, run, server_at
from wire import Answer, CannotMeasure, Connection, check_unused, random_order, stock_path

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")
ORDER_TYPES = ("limit", "limit", "limit", "market", "fill-or-kill", "immediate-or-cancel")
MAX_REQUESTS = 10**6
SHOWN = 400  # characters of an answer that differs


class Request(NamedTuple):
    method: str
    path: str
    fields: dict[str, Any] | None = None


def main(options: argparse.Namespace) -> int:
    with (
        server_at(options.url_a),
        server_at(options.url_b),
        Connection(options.url_a, options.key) as a,
        Connection(options.url_b, options.key) as b,
    ):
        for connection, stock in itertools.product((a, b), stocks(options)):
            check_unused(connection, stock)
        end, accepted = time.monotonic() + options.seconds, 0
        for number, request in enumerate(stream(options), start=1):
            if time.monotonic() > end:
                raise CannotMeasure(f"Only {number - 1} requests were made in {options.seconds} s")
            answers = [meaning(connection.ask(*request), options.venue) for connection in (a, b)]
            if answers[0] != answers[1]:
                report(number, request, answers)
                return FAILURE
            accepted += answers[0][0] == 200
    print(f"no difference in {number} answers, of which {accepted} are no refusal")
    return 0


def stream(options: argparse.Namespace) -> Iterator[Request]:
    """The requests: they depend on the seed alone, not on what is answered."""
    chance = random.Random(options.seed)
    accounts = [options.account]
    if not options.key:  # which would open only one
        accounts += [f"{options.account}{number}" for number in range(2, 5)]
    placed = dict.fromkeys(stocks(options), 0)
    for _ in range(options.requests):
        stock = chance.choice(list(placed))
        if chance.random() < 0.6:
            placed[stock] += 1
            yield Request("POST", f"{stock}/orders", any_order(chance, accounts))
        else:
            yield question(chance, stock, placed[stock])
    for stock in placed:
        yield from (Request("GET", stock), Request("GET", f"{stock}/quote"))
    yield Request("GET", "venues")


def stocks(options: argparse.Namespace) -> list[str]:
    """The paths of two stocks, so that their orders' numbers can be mistaken for one another."""
    return [stock_path(options.venue, f"{options.symbol}{letter}") for letter in "AB"]


def any_order(chance: random.Random, accounts: list[str]) -> dict[str, Any]:
    order = random_order(chance, chance.choice(accounts))
    order["orderType"] = chance.choice(ORDER_TYPES)
    return order


def question(chance: random.Random, stock: str, placed: int) -> Request:
    """Cancel an order, open, closed or unknown, or ask for something."""
    order = f"{stock}/orders/{chance.randint(max(0, placed - 50), placed)}"
    return chance.choice(
        (
            Request("DELETE", order),
            Request("POST", f"{order}/cancel"),
            Request("GET", order),
            Request("GET", stock),
            Request("GET", f"{stock}/quote"),
            Request("GET", f"{stock}/scores"),
        )
    )


def meaning(answer: Answer, venue: str) -> tuple[int, Any]:
    """Status and content of an answer without what may differ."""
    text = TIMESTAMP.sub("<time>", answer.body.decode(errors="replace"))
    try:
        content = json.loads(text)
    except ValueError:
        return answer.status, text
    if isinstance(content, dict) and "venues" in content:
        content["venues"] = [
            {key: entry[key] for key in entry if key != "id"}
            for entry in content["venues"]
            if entry["venue"] == venue
        ]
    return answer.status, content


def report(number: int, request: Request, answers: list[tuple[int, Any]]) -> None:
    print(f"request {number} is answered differently: {request.method} {request.path}")
    if request.fields:
        print(f"  {json.dumps(request.fields)}")
    for name, (status, content) in zip("AB", answers):
        print(f"  {name}: {status} {json.dumps(content, sort_keys=True)[:SHOWN]}")


def _options() -> Options:
    options = Options(__doc__, "SAMESTREAM")
    options.add_argument("url_a", type=loopback, metavar="URL_A", help=f"such as {DEFAULT_URL}")
    options.add_argument("url_b", type=loopback, metavar="URL_B", help="the other server")
    options.add("--requests", 2000, between(1, MAX_REQUESTS), "requests to make")
    options.add_seed()
    options.add_seconds(600.0, "most seconds to go on; to be late is an error")
    return options


if __name__ == "__main__":
    run(main, _options())
