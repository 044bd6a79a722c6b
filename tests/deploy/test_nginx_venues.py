"""Two exchanges behind nginx, which chooses between them by the venue's name: what a client does
through it, and that the one goes on when the other was killed.
"""

import contextlib
import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from live import ROOT, Exchange, killed
from nginx import DEPLOY, filled_in, require_nginx, running_nginx
from ports import free_port

from disorderbook.cli.main import make_parser
from disorderbook.client import Market, Order, Refused

VENUES = {1: "TESTEX", 2: "OTHEREX"}
KEYS = json.loads((ROOT / "accounts.json").read_text())
ACCOUNT = "NOISEBOTS"
PATIENCE = 30.0  # seconds
GONE = (502, {"ok": False, "error": "The exchange cannot be reached: try again later"})


class Front:
    """nginx, and the two exchanges behind it, each with a database of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._running: dict[int, contextlib.ExitStack] = {}
        self.exchanges: dict[int, Exchange] = {}

    def start(self, number: int, port: int = 0) -> None:
        """Start an exchange, at a port that it has had."""
        stack = contextlib.ExitStack()
        options = f"-p {port} --shard {number}/2 --venue {VENUES[number]} --day-seconds 0.5"
        ports = f"--websockets --wsport 0 -d {self._folder}/{number}.db -a accounts.json -e"
        exchange = stack.enter_context(killed(*options.split(), *ports.split()))
        self._running[number], self.exchanges[number] = stack, exchange

    def kill(self, number: int) -> int:
        """Kill an exchange; returns its port."""
        self._running.pop(number).close()
        return self.exchanges[number].port

    def close(self) -> None:
        for number in [*self._running]:
            self.kill(number)

    def ask(
        self, method: str, path: str, account: str = "", port: int = 0, **headers: str
    ) -> tuple[int, Any]:
        """Status and JSON of one answer, through nginx unless an exchange's port is said."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            if account:
                headers["X-Starfighter-Authorization"] = KEYS[account]
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, json.load(answer)

    def market(self, venue: str, account: str = ACCOUNT, symbol: str = "FOOBAR") -> Market:
        return Market(venue, symbol, account, KEYS[account], self.url)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    require_nginx()
    folder = tmp_path_factory.mktemp("venues")
    front = Front(folder)
    with contextlib.closing(front):
        for number in VENUES:
            front.start(number)
        changes = {
            "listen 80": f"listen 127.0.0.1:{front.port}",
            "127.0.0.1:8000": f"127.0.0.1:{front.exchanges[1].port}",
            "127.0.0.1:8002": f"127.0.0.1:{front.exchanges[2].port}",
        }
        text = filled_in((DEPLOY / "nginx-venues.conf").read_text(), changes)
        with running_nginx(folder, text, front.port):
            yield front


def trade(market: Market, price: int) -> Order:
    """Everything that a client does at a venue; returns an order that is left open."""
    with market.ticks() as ticks, market.executions() as executions:
        order = market.buy(price, 10)
        assert market.status(order) == order and market.quote().bid == price
        assert next(ticks).venue == market.venue
        assert market.cancel(order).open is False
        market.buy(price, 1)
        market.sell(price, 1)
        assert next(executions).price == price
    assert market.position().fills == len(market.fills()) == 2
    return market.buy(price, 3)


class Level(NamedTuple):
    """What a player was told of his level, and which exchange has it."""

    player: str
    id: int
    venue: str
    account: str

    @property
    def number(self) -> int:
        return self.id % 10


def start_level(front: Front, player: str) -> Level:
    status, told = front.ask("POST", "/gm/levels/first_steps", player)
    assert status == 200
    return Level(player, told["instanceId"], told["venues"][0], told["account"])


def test_the_sample_and_the_page_start_exchanges_alike() -> None:
    sample = (DEPLOY / "nginx-venues.conf").read_text()
    each, both = (
        re.findall(r"^#   (-p .*)$", sample, re.M),
        re.search(r"^#   (--acc.*)$", sample, re.M),
    )
    lines = re.findall(r"^    disorderbook (-p .*)$", (ROOT / "docs/scale.md").read_text(), re.M)
    assert both is not None and lines == [f"{own} {both[1]}" for own in each]
    for number, line in enumerate(lines, start=1):
        options = make_parser().parse_args(line.split())
        assert (options.venue, options.shard) == (VENUES[number], (number, 2))
        assert f"127.0.0.1:{options.port};" in sample


@pytest.fixture(scope="module")
def levels(front: Front) -> dict[int, Level]:
    """A level at each exchange: which player goes where follows from his key."""
    started = (start_level(front, player) for player in KEYS)
    return {level.number: level for level in started}


def test_a_client_does_everything_at_each_venue(front: Front) -> None:
    for number, venue in VENUES.items():
        with front.market(venue) as market:
            order = trade(market, 5000 + number)
        orders = f"/ob/api/venues/{venue}/stocks/FOOBAR/orders"
        for other, exchange in front.exchanges.items():
            asked = front.ask("GET", f"{orders}/{order.id}", ACCOUNT, exchange.port)
            assert (asked[0] == 200) is (other == number)
    heartbeat = front.ask("GET", "/ob/api/venues/NOWHERE/heartbeat")
    assert heartbeat[0] == 404, "the exchange's own answer"


@pytest.mark.parametrize("venue", ["UNNAMED", "A B.C", "M\u00dcNCHEN", "100%", "ZZ"])
def test_a_venue_that_the_sample_does_not_name_is_at_one_exchange_for_all(
    front: Front, venue: str
) -> None:
    with front.market(venue) as market:
        trade(market, 4000)
    path = f"/ob/api/venues/{quote(venue)}/stocks"
    found = [front.ask("GET", path, port=each.port)[0] for each in front.exchanges.values()]
    assert sorted(found) == [200, 404]
    for player in KEYS:
        assert front.ask("GET", path, player)[0] == 200
        assert front.ask("GET", f"/api/v1/venues/{quote(venue)}/overview", player)[0] == 200


def test_levels_are_played_where_their_ids_and_venues_say(
    front: Front, levels: dict[int, Level]
) -> None:
    assert levels.keys() == VENUES.keys()
    for number, level in levels.items():
        assert re.fullmatch(f"[A-Z]{{2,4}}{number}EX", level.venue)
        assert start_level(front, level.player) == level, "it goes on where it is"
        for path in (f"/gm/instances/{level.id}", f"/api/v1/instances/{level.id}"):
            assert front.ask("GET", path, level.player)[0] == 200
            away = front.exchanges[3 - number].port
            assert front.ask("GET", path, level.player, away)[0] == 404
        symbol = front.ask("GET", f"/ob/api/venues/{level.venue}/stocks", level.player)[1]
        symbol = symbol["symbols"][0]["symbol"]
        key = KEYS[level.player]
        with Market(level.venue, symbol, level.account, key, front.url) as market:
            with market.ticks() as ticks, market.executions() as executions:
                order = market.buy(None, 1, "market")
                assert next(executions).account == level.account
                assert next(ticks).venue == level.venue
            assert market.status(order).total_filled == 1
        cards = front.ask("GET", "/api/v1/levels", level.player)[1]["levels"]
        assert [card["instanceId"] for card in cards if "instanceId" in card] == [level.id]


def test_a_player_is_known_by_his_key_wherever_it_stands(
    front: Front, levels: dict[int, Level]
) -> None:
    for level in levels.values():
        key = KEYS[level.player]
        for headers in (
            {"X-Stockfighter-Authorization": key},
            {"Cookie": f"other=1; api_key={key}"},
            {"Cookie": f'api_key="{key}"'},
        ):
            status, told = front.ask("POST", "/gm/levels/first_steps", **headers)
            assert (status, told["instanceId"]) == (200, level.id)


def test_one_that_is_killed_leaves_the_others_venues_untouched_and_comes_back(
    front: Front, levels: dict[int, Level]
) -> None:
    with front.market("TESTEX", symbol="STAYS") as here, front.market("OTHEREX") as there:
        kept, own = there.buy(3000, 5), here.buy(3000, 7)
        with here.ticks() as ticks:
            port = front.kill(2)
            assert front.ask("GET", "/ob/api/venues/OTHEREX/heartbeat") == GONE
            assert front.ask("GET", f"/gm/instances/{levels[2].id}", levels[2].player) == GONE
            assert front.ask("POST", "/gm/levels/sell_side", levels[2].player) == GONE
            with pytest.raises(Refused, match="cannot be reached") as refusal:
                there.buy(3000, 5)
            assert refusal.value.status == 502
            assert here.status(own) == own
            assert here.buy(3001, 1).open and next(ticks).bid == 3001
            assert front.ask("GET", f"/gm/instances/{levels[1].id}", levels[1].player)[0] == 200
        front.start(2, port)
        assert there.status(kept) == kept
        assert there.buy(3000, 5).open
        assert start_level(front, levels[2].player) == levels[2]


@pytest.mark.parametrize("path", ["/metrics", "/control", "/api/v1/control/reset", "/admin"])
def test_what_is_nobodys_outside_is_hidden(front: Front, path: str) -> None:
    for query in ("", "?venue=OTHEREX", "?venue=TESTEX"):
        hidden = (404, {"ok": False, "error": "No such path"})
        assert front.ask("GET", f"{path}{query}", ACCOUNT) == hidden
