"""What a class does: the class file, TOML that a teacher edits, with the rounds of the afternoon.

The rule: a file with any mistake is refused in one sentence that names the place, before anything
is started. Each round has a venue of its own, ROUND1 and so on, or a level that everybody plays
alone; PRACTICE is open all the time and does not count.
"""

import json
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from disorderbook.game.levels import LEVELS
from disorderbook.protocol.names import LARGEST_PORT, MAX_PRICE, NAME_RULE, is_name
from disorderbook.rules.file import UnusableRules, rule_book
from disorderbook.server.origin import host_name
from disorderbook.traders.registry import REGISTRY

PRACTICE, PRACTICE_STOCK = "PRACTICE", "FOOBAR"
VENUE = "ROUND"  # and the number of the round
MOST_ROUNDS = 50
MOST_STOCKS = 50  # of a round
MOST_COPIES = 20  # of a bot
MOST_HOSTS = 20
LONGEST_ROUND = 600  # minutes
LONGEST_TITLE = 60  # characters; with the text it is an announcement of at most 200
LONGEST_TEXT = 130
MOST_FILE_BYTES = 1 << 20
MOST_SEED = 2**32 - 1
PORTS = (1, LARGEST_PORT)

Table = Mapping[str, Any]


class PlannedBots(NamedTuple):
    """A bot of the registry that trades each stock of a round, so many times."""

    name: str
    copies: int

    @property
    def accounts(self) -> list[str]:
        """For whom they trade, as `disorderbook bots --copies` calls them."""
        if self.copies == 1:
            return [REGISTRY[self.name].account]
        return [f"{self.name.upper()}{number}" for number in range(1, self.copies + 1)]


class Round(NamedTuple):
    """One round; prices in cents."""

    number: int  # from 1
    title: str
    minutes: float
    stocks: tuple[str, ...]  # none for a level
    level: str | None
    bots: tuple[PlannedBots, ...]
    seed: int
    settle: int | None  # what a share is worth in the end; None for what it then counts with
    text: str  # announced at the start
    rules: Table

    @property
    def venue(self) -> str:
        return f"{VENUE}{self.number}"


class ClassPlan(NamedTuple):
    """A whole class file."""

    port: int  # of nginx, for the others
    exchange_port: int  # of the exchange, for this machine alone
    hosts: tuple[str, ...]  # names and addresses of this machine; the first stands on the cards
    tls: bool
    mark: str  # what net asset values are counted with
    bots: tuple[PlannedBots, ...]  # that trade the practice stock
    rules: Table  # for all venues
    rounds: tuple[Round, ...]

    @property
    def url(self) -> str:
        """Where the others find the exchange."""
        return self.url_of(self.hosts[0])

    def url_of(self, host: str) -> str:
        """The same by another name or address of this machine; one of IPv6 stands in brackets."""
        scheme, usual = ("https", 443) if self.tls else ("http", 80)
        return f"{scheme}://{host}" + ("" if self.port == usual else f":{self.port}")

    @property
    def bot_accounts(self) -> set[str]:
        """Those that need keys, in whatever round."""
        everywhere = [*self.bots, *(bots for each in self.rounds for bots in each.bots)]
        return {account for bots in everywhere for account in bots.accounts}

    @property
    def books(self) -> int:
        """How many books the class has."""
        return 1 + sum(len(each.stocks) for each in self.rounds)


def read_plan(path: Path) -> ClassPlan:
    """The plan of a class file; raises OSError, or ValueError with a sentence that begins with the
    path.
    """
    with path.open("rb") as file:
        content = file.read(MOST_FILE_BYTES + 1)
    if len(content) > MOST_FILE_BYTES:
        raise ValueError(f"{path} has more than {MOST_FILE_BYTES >> 20} MiB")
    try:
        return _plan(_PlanReader("", tomllib.loads(content.decode("utf-8-sig"))))
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply") from None
    except ValueError as fault:  # those of TOML and of UTF-8 are such
        raise ValueError(f"{path}: {fault}") from None


def rules_text(plan: ClassPlan) -> str:
    """The rules of all rounds as the file that `--rules` reads, "" without any."""
    tables = [("market", plan.rules), *((f"venues.{r.venue}", r.rules) for r in plan.rounds)]
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in rules.items())
        for name, rules in tables
        if rules
    )


class _PlanReader:
    """Takes the fields of a table one by one; each must be there in its kind, and none more."""

    def __init__(self, where: str, table: object) -> None:
        if not isinstance(table, dict):
            raise ValueError(f"{where} must be a table")
        self.where = where
        self._left = dict(table)

    def take(
        self, name: str, kind: type, default: Any, check: Callable[[Any], bool], rule: str
    ) -> Any:
        """The value of a field, `default` if it is not there; raises ValueError with the rule."""
        value = self._left.pop(name, default)
        if value is default:
            return value
        is_kind = isinstance(value, kind) or (kind is float and isinstance(value, int))
        if not is_kind or (isinstance(value, bool) and kind is not bool) or not check(value):
            raise ValueError(f"{self.where}{name} is {value!r:.60}; it must be {rule}")
        return value

    def integer(self, name: str, default: int | None, least: int, most: int) -> Any:
        return self.take(
            name,
            int,
            default,
            lambda value: least <= value <= most,
            f"a whole number from {least} to {most}",
        )

    def text(self, name: str, most: int, default: str = "") -> str:
        rule = f"a text of at most {most} characters in one line"
        return str(
            self.take(
                name, str, default, lambda text: len(text) <= most and text.isprintable(), rule
            )
        )

    def texts(self, name: str, most: int) -> list[str]:
        found: list[str] = self.take(
            name,
            list,
            (),
            lambda texts: len(texts) <= most and all(isinstance(text, str) for text in texts),
            f"a list of at most {most} texts",
        )
        return found

    def table(self, name: str) -> Table:
        """A table of plain values, which somebody else checks."""
        found: Table = self.take(
            name,
            dict,
            {},
            lambda table: all(isinstance(each, int | float | str) for each in table.values()),
            "a table of numbers and words",
        )
        return found

    def end(self) -> None:
        for name in self._left:
            raise ValueError(f"{self.where}{name!s:.60} is no field that a class file has here")


def _plan(reader: _PlanReader) -> ClassPlan:
    rounds = reader.take(
        "round", list, (), lambda each: len(each) <= MOST_ROUNDS, f"at most {MOST_ROUNDS} tables"
    )
    hosts = tuple(map(host_name, reader.texts("hosts", MOST_HOSTS)))
    mark = reader.take("mark", str, "last", lambda mark: mark in MARKS, f"one of {MARKS}")
    plan = ClassPlan(
        reader.integer("port", None, *PORTS),
        reader.integer("exchange_port", None, *PORTS),
        hosts or ("127.0.0.1",),
        reader.take("tls", bool, False, lambda _: True, "true or false"),
        mark,
        tuple(_bots(reader, "opponents")),
        reader.table("rules"),
        tuple(_round(number, table) for number, table in enumerate(rounds, 1)),
    )
    reader.end()
    _check_rules(plan)
    if plan.port is None or plan.exchange_port is None or plan.port == plan.exchange_port:
        raise ValueError("port and exchange_port must be there, and be two")
    return plan


MARKS = ("last", "mid", "band")


def _check_rules(plan: ClassPlan) -> None:
    """Raise ValueError for rules that no exchange would take."""
    venues = {each.venue: each.rules for each in plan.rounds}
    try:
        rule_book({"market": plan.rules, "venues": venues})
    except UnusableRules as fault:
        raise ValueError(f"what it says of rules {fault}") from None


def _round(number: int, table: object) -> Round:
    reader = _PlanReader(f"round {number}: ", table)
    level = reader.take("level", str, None, LEVELS.__contains__, f"one of {', '.join(LEVELS)}")
    found = Round(
        number,
        reader.text("title", LONGEST_TITLE, f"Round {number}"),
        reader.take(
            "minutes",
            float,
            10,
            lambda minutes: 0 < minutes <= LONGEST_ROUND,
            f"a number of minutes over 0, at most {LONGEST_ROUND}",
        ),
        tuple(reader.texts("stocks", MOST_STOCKS)),
        level,
        tuple(_bots(reader, "opponents")),
        reader.integer("seed", number, 0, MOST_SEED),
        reader.integer("settle", None, 0, MAX_PRICE),
        reader.text("text", LONGEST_TEXT),
        reader.table("rules"),
    )
    reader.end()
    _check_round(reader.where, found)
    return found


def _check_round(where: str, found: Round) -> None:
    """Raise ValueError for fields that do not go together."""
    if found.level is None and not found.stocks:
        raise ValueError(f"{where}it needs stocks, or a level")
    if found.level is not None and (found.stocks or found.bots or found.settle is not None):
        raise ValueError(f"{where}a level brings its own stock and bots, and nothing to settle")
    for stock in found.stocks:
        if not is_name(stock):
            raise ValueError(f"{where}{stock!r:.60} is no name of a stock: {NAME_RULE}")
    if len({*found.stocks}) < len(found.stocks):
        raise ValueError(f"{where}a stock is named twice")


def _bots(reader: _PlanReader, field: str) -> Iterator[PlannedBots]:
    """Those that a list names, each as NAME or NAME:COUNT."""
    texts = reader.texts(field, len(REGISTRY))
    for text in texts:
        name, _, count = text.partition(":")
        if name not in REGISTRY:
            raise ValueError(
                f"{reader.where}no bot is called {name!r:.60}; there are {', '.join(REGISTRY)}"
            )
        if count and not (count.isdecimal() and 1 <= int(count) <= MOST_COPIES):
            raise ValueError(f"{reader.where}{text!r:.60} wants none, or more than {MOST_COPIES}")
        yield PlannedBots(name, int(count or 1))
    names = Counter(text.partition(":")[0] for text in texts)
    for name, times in names.items():
        if times > 1:
            raise ValueError(f"{reader.where}the bot {name} is named twice; write {name}:{times}")
