"""A ranking is made in steps, shared by all who ask, and not made anew for each of them."""

import csv
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from wsgi import ORDERS, Client

from disorderbook.engine.book import OrderBook
from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder
from disorderbook.engine.positions import Position
from disorderbook.marketdata import ranking
from disorderbook.marketdata.ranking import MERGED, Ranking, Rankings, merged_blocks
from disorderbook.marketdata.scores import SCORES_AT_ONCE
from disorderbook.protocol.names import NANOSECONDS
from disorderbook.protocol.route import STEP_BYTES

SCORES = ORDERS.replace("orders", "scores")
BEST = "/api/v1/venues/TESTEX/stocks/FOOBAR/scores"
AT_ONCE = 100  # here
MANY = 10 * AT_ONCE + 7  # accounts: more runs than are merged at once


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "AT_ONCE", AT_ONCE)


def trade(book: OrderBook, buyer: str, seller: str, price: int, quantity: int = 1) -> None:
    book.submit(NewOrder(seller, SELL, LIMIT, price, quantity), 2)
    book.submit(NewOrder(buyer, BUY, LIMIT, price, quantity), 2)


def fill(book: OrderBook, count: int) -> None:
    """Have so many accounts, at least, hold something, many of them the same."""
    draw = random.Random(count)
    for number in range(count // 2):
        price, quantity = draw.randint(1, 99), draw.randint(1, 3)
        trade(book, f"buyer-{number}", f"seller-{number}", price, quantity)
    trade(book, "last", "last", 50)


def whole(rankings: Rankings, book: OrderBook, now: int) -> tuple[Ranking, int]:
    """A ranking, and how many steps it took."""
    making, steps = rankings.ranking(book, now), 1
    while True:
        try:
            assert next(making) == b""
        except StopIteration as end:
            return end.value, steps
        steps += 1


def expected(book: OrderBook) -> list[Position]:
    price = book.last_trade.price if book.last_trade else 0
    return sorted(book.positions.values(), key=lambda p: p.net_asset_value(price), reverse=True)


@pytest.mark.parametrize("count", [0, 2, AT_ONCE, AT_ONCE + 2, MANY])
def test_a_ranking_is_in_the_order_of_the_values_and_then_of_the_first_trades(count: int) -> None:
    book = OrderBook("V", "S", 1)
    if count:
        fill(book, count)
    made, steps = whole(Rankings(), book, 5)
    assert list(made.positions()) == expected(book)
    assert list(made.positions(3)) == expected(book)[:3]
    assert made.count == len(book.positions) and (steps == 1) == (made.count <= AT_ONCE)


def test_a_step_sorts_and_merges_few_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    book = OrderBook("V", "S", 1)
    fill(book, MANY)
    looked_at: list[int] = []
    value = Position.net_asset_value

    def count(position: Position, price: int) -> int:
        looked_at[-1] += 1
        return value(position, price)

    blocks: list[int] = []
    merge = ranking.merged_blocks
    monkeypatch.setattr(Position, "net_asset_value", count)
    monkeypatch.setattr(
        ranking,
        "merged_blocks",
        lambda runs: (blocks.append(len(block)) or block for block in merge(runs)),
    )
    made = Ranking(book, 5, 50)
    while not made.is_whole:
        looked_at.append(0)
        blocks_before, ranked_before = len(blocks), len(made._worst_first)
        made.go_on()
        assert len(blocks) - blocks_before <= 1
        assert len(made._worst_first) - ranked_before <= AT_ONCE
    assert max(looked_at) == AT_ONCE >= max(blocks) and sum(looked_at) == len(book.positions)
    assert sum(blocks) <= 2 * len(book.positions)  # 11 runs: 8 become one, and then 4


@pytest.mark.parametrize("lengths", [[0, 5], [700, 1, 0], [100] * MERGED, [300, 10, 200]])
def test_merged_blocks_are_sorted_and_short(lengths: list[int]) -> None:
    draw = random.Random(7)
    runs = [
        sorted((draw.randint(0, 50), draw.randint(0, 10**6)) for _ in range(n)) for n in lengths
    ]
    blocks = list(merged_blocks(runs))
    assert sum(blocks, []) == sorted(sum(runs, []))
    assert all(0 < len(block) <= AT_ONCE for block in blocks)
    # Also where all of one run are better than all of the others.
    shifted = [[(place[0] + 100 * n, place[1]) for place in run] for n, run in enumerate(runs)]
    assert sum(merged_blocks(shifted), []) == sorted(sum(shifted, []))


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Ranking]:
    """Rankings that were begun."""
    rankings: list[Ranking] = []
    begin: Callable[..., None] = Ranking.__init__

    def note(self: Ranking, *arguments: Any) -> None:
        rankings.append(self)
        begin(self, *arguments)

    monkeypatch.setattr(Ranking, "__init__", note)
    return rankings


def test_all_who_ask_between_two_trades_share_a_ranking(begun: list[Ranking]) -> None:
    client = Client()
    for account in ("BOB", "CAT"):
        client.order()
        client.order(account=account, direction="sell")
    for path in (SCORES, f"{SCORES}?format=json", f"{SCORES}?format=csv", BEST):
        client("GET", path)
        client.order(price=1)  # does not trade
    assert len(begun) == 1
    now = [json.loads(client("GET", BEST).body)["currentTime"] for _ in range(2)]
    assert now[0] < now[1]  # they are still the scores
    client.order()
    client.order(account="BOB", direction="sell")
    told = client("GET", BEST).json
    assert len(begun) == 2 and {row["shares"] for row in told["scores"]} == {30, -20, -10}


def test_of_a_large_book_only_so_many_accounts_are_ranked_in_a_second(begun: list[Ranking]) -> None:
    book, rankings = OrderBook("V", "S", 1), Rankings()
    fill(book, MANY)
    good_for = MANY * NANOSECONDS // ranking.RANKED_PER_SECOND
    for now in range(0, 10 * good_for, good_for // 4):
        trade(book, "ann", "bob", 50)
        made, _ = whole(rankings, book, now)
        assert now - made.ts <= good_for
    assert 8 <= len(begun) <= 10


def test_who_comes_while_a_ranking_is_made_goes_on_with_it(begun: list[Ranking]) -> None:
    book, rankings = OrderBook("V", "S", 1), Rankings()
    fill(book, MANY)
    first = rankings.ranking(book, 1)
    for _ in range(5):
        next(first)
    trade(book, "ann", "bob", 50)
    _, steps = whole(rankings, book, 2)
    with pytest.raises(StopIteration):  # and the first has nothing left to do
        next(first)
    assert len(begun) == 1 and whole(rankings, book, 3)[1] == 1
    _, all_steps = whole(Rankings(), book, 4)
    assert steps <= all_steps - 5


def test_a_ranking_of_a_book_that_was_rolled_back_is_forgotten() -> None:
    rankings, lost, book = Rankings(), OrderBook("V", "S", 1), OrderBook("V", "S", 1)
    trade(lost, "ann", "bob", 50)
    trade(book, "cat", "dan", 50)
    assert whole(rankings, lost, 1)[0].book is lost
    assert whole(rankings, book, 2)[0].book is book


def crowded() -> Client:
    client = Client()
    book = client.services.exchange.book("TESTEX", "FOOBAR")
    fill(book, MANY)
    return client


@pytest.mark.parametrize("form", ["", "?format=json", "?format=csv"])
def test_scores_of_many_are_shown_in_steps_and_the_lock_is_free_in_between(form: str) -> None:
    client = crowded()
    lock = client.services.exchange.lock
    steps = []
    for step in client.steps(SCORES + form):
        assert not lock.locked() and len(step) < STEP_BYTES + 2000
        steps.append(step)
    whole_text = b"".join(steps).decode()
    accounts = [p.account for p in expected(client.services.exchange.book("TESTEX", "FOOBAR"))]
    if form == "":
        assert whole_text.startswith("<pre>") and whole_text.endswith("</pre>")
        rows = [line.split()[0] for line in whole_text.splitlines()[4:-3]]
    elif form == "?format=csv":
        rows = [row["account"] for row in csv.DictReader(whole_text.splitlines())]
    else:
        rows = [row["account"] for row in json.loads(whole_text)["scores"]]
    assert rows == accounts
    names = [sum(step.count(name) for name in (b"buyer-", b"seller-", b"last")) for step in steps]
    assert max(names) <= SCORES_AT_ONCE + 2  # "last" is also in a heading


def test_a_poll_of_the_best_reads_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    client = crowded()
    first = json.loads(b"".join(client.steps(BEST)))
    assert len(first["scores"]) == 100 and first["accounts"] > MANY - 2
    values: list[int] = []
    value = Position.net_asset_value
    monkeypatch.setattr(Position, "net_asset_value", lambda *a: values.append(1) or value(*a))
    client.order()
    client.order(account="BOB", direction="sell")  # a trade
    again = list(client.steps(BEST))
    assert len(again) == 1 and json.loads(again[0])["scores"] == first["scores"]
    assert len(values) == 100


def test_rows_show_what_an_account_has_at_the_moment_of_its_step() -> None:
    client = crowded()
    book = client.services.exchange.book("TESTEX", "FOOBAR")
    price = book.last_trade.price if book.last_trade else 0
    steps = client.steps(f"{SCORES}?format=json")
    first = next(steps)
    worst = expected(book)[-1]
    trade(book, worst.account, "new", price + 5, 10)
    told = json.loads(first + b"".join(steps))
    assert told["price"] == price and told["accounts"] == len(told["scores"])
    row = next(row for row in told["scores"] if row["account"] == worst.account)
    assert (row["cash"], row["shares"]) == (worst.cash, worst.shares)
    assert all(row["nav"] == row["cash"] + row["shares"] * price for row in told["scores"])


@pytest.mark.parametrize("taken", [0, 1, 12])
def test_whoever_leaves_in_the_middle_leaves_the_lock(taken: int) -> None:
    client = crowded()
    steps = client.steps(SCORES)
    for _ in range(taken):
        next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert client.order().status == 200
    assert client("GET", SCORES).status == 200
