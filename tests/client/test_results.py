"""The results, held to what the first exchange answered: no member is lost or has another name."""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fork_server import run

from disorderbook.client.results import Book, Execution, Order, Orders, Quote, Result, Tick, read

TRACES = Path(__file__).parent.parent / "traces"
KINDS = [
    (r"/stocks/[^/]+/orders(/\d+(/cancel)?)?", Order),
    (r"/stocks/[^/]+/quote", Quote),
    (r"/stocks/[^/]+", Book),
    (r"/accounts/[^/]+(/stocks/[^/]+)?/orders", Orders),
]


def bare(said: Any) -> Any:
    """Without what is absent, which a result says with None, and every `ok`, which it lacks."""
    if isinstance(said, dict):
        kept = ((name, value) for name, value in said.items() if value is not None)
        return {name: bare(value) for name, value in kept if name != "ok"}
    return [bare(each) for each in said] if isinstance(said, list) else said


def check(recorded: dict[str, Any], kind: type[Result]) -> None:
    result = read(json.dumps(recorded), kind, "a trace")
    assert bare(json.loads(msgspec.json.encode(result))) == bare(recorded)


KNOWN = """
import gc
from disorderbook.client.results import Result
for kind in Result.__subclasses__():
    print(kind.__name__, {type(part).__name__ for part in gc.get_referents(kind)} & {"StructInfo"})
"""


def test_no_thread_meets_a_result_that_another_one_is_making_known_to_msgspec() -> None:
    """Where the first two of a kind were read at once, the process crashed."""
    told = run([sys.executable, "-c", KNOWN], timeout=60).stdout.splitlines()
    assert len(told) == len(Result.__subclasses__()) and {
        line.split(" ", 1)[1] for line in told
    } == {"{'StructInfo'}"}


def kind_of(path: str) -> type[Result] | None:
    where = re.sub("^.*/venues/[^/]+", "", path.rstrip("/"))
    return next((kind for pattern, kind in KINDS if re.fullmatch(pattern, where)), None)


@pytest.mark.parametrize("name", ["trading", "listings", "accounts"])
def test_every_recorded_answer_is_a_result_that_says_the_same(name: str) -> None:
    seen: Counter[type] = Counter()
    for line in (TRACES / f"{name}.jsonl").read_text().splitlines():
        exchange = json.loads(line)
        answer = exchange["response"].get("json")
        kind = kind_of(exchange["request"]["path"].partition("?")[0])
        if kind and answer and answer["ok"]:
            seen[kind] += 1
            check(answer, kind)
    assert seen[Order] > 100 and seen[Quote] > 10 and seen[Book] > 10, seen
    assert name == "trading" or seen[Orders] > 10, seen


def test_every_recorded_message_of_the_tape_is_a_result_that_says_the_same() -> None:
    sockets = json.loads((TRACES / "tape.json").read_text())["sockets"]
    for path, messages in sockets.items():
        for message in messages:
            check(message, Execution if "executions" in path else Tick)
    assert sum(map(len, sockets.values())) == 623


def test_a_result_cannot_be_changed_and_can_be_a_key() -> None:
    order = read(
        b'{"ok":true,"venue":"V","symbol":"S","direction":"buy","originalQty":1,"qty":0,"price":2,'
        b'"orderType":"limit","id":3,"account":"A","ts":"","fills":[{"price":2,"qty":1,"ts":""}],'
        b'"totalFilled":1,"open":false}',
        Order,
        "there",
    )
    assert {order: 1}[order] == 1
    with pytest.raises(AttributeError):
        order.qty = 5
