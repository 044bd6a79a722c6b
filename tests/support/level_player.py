"""Plays levels over HTTP in this process: starts them, trades, and moves the exchange's clock."""

import json
import time
import urllib.request
from typing import Any, NamedTuple

from wsgi import Answer, Client

from disorderbook.game.master import GameSettings
from disorderbook.protocol.names import NANOSECONDS

Headers = dict[str, str]
PATIENCE = 60.0  # seconds; far more than anything takes
LEVELS = (
    "first_steps",
    "chock_a_block",
    "sell_side",
    "dueling_bulldozers",
    "irrational_exuberance",
    "making_amends",
)


def with_key(key: str | None) -> Headers:
    return {} if key is None else {"X-Starfighter-Authorization": key}


class MovableClock:
    """Tells the time in nanoseconds, which stands still unless a test moves it."""

    def __init__(self) -> None:
        self.now = 1_450_000_000 * NANOSECONDS

    def __call__(self) -> int:
        return self.now


class HttpClient:
    """Asks an exchange at a port of this machine."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, method: str, path: str, key: str | None, body: object = None) -> Any:
        """The answer's JSON; raises HTTPError for a refusal."""
        data = None if method == "GET" else b"" if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.url + path, data, with_key(key), method=method)
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            return json.load(answer)

    def get(self, path: str, key: str | None) -> Any:
        return self.ask("GET", path, key)

    def post(self, path: str, key: str | None, body: object = None) -> Any:
        return self.ask("POST", path, key, body)

    def start(self, name: str, key: str | None) -> Any:
        return self.post(f"/gm/levels/{name}", key)


class Level(NamedTuple):
    """An instance as its player sees it."""

    client: Client
    start: dict[str, Any]
    headers: Headers

    @property
    def id(self) -> int:
        return int(self.start["instanceId"])

    @property
    def account(self) -> str:
        return str(self.start["account"])

    @property
    def venue(self) -> str:
        return str(self.start["venues"][0])

    @property
    def stock(self) -> str:
        return f"/ob/api/venues/{self.venue}/stocks/{self.start['tickers'][0]}"

    def gm(self, action: str = "", body: object = b"", method: str = "POST") -> Answer:
        """A request to the game master; without an action, for the state."""
        path = f"/gm/instances/{self.id}"
        if not action:
            return self.client("GET", path, headers=self.headers)
        return self.client(method, f"{path}/{action}", body, self.headers)

    def page(self, action: str = "") -> Answer:
        path = f"/api/v1/instances/{self.id}"
        if not action:
            return self.client("GET", path, headers=self.headers)
        return self.client("POST", f"{path}/{action}", headers=self.headers)

    def order(self, direction: str, qty: int, price: int = 0, **changes: object) -> Answer:
        kind = "limit" if price else "market"
        fields = {"account": self.account, "direction": direction, "qty": qty, "price": price}
        return self.client(
            "POST", f"{self.stock}/orders", fields | {"orderType": kind} | changes, self.headers
        )


def start(client: Client, name: str, key: str | None = None, body: object = b"") -> Level:
    """Start a level; the answer comes when day 0 has been traded."""
    answer = client("POST", f"/gm/levels/{name}", body, with_key(key))
    assert answer.status == 200, answer.body
    return Level(client, answer.json, with_key(key))


def player_with_clock(**options: Any) -> tuple[Client, MovableClock]:
    """A client whose levels stand still until the clock is moved."""
    clock = MovableClock()
    return Client(clock=clock, has_tape=True, **{"game": GameSettings(seed=1), **options}), clock


def pass_days(client: Client, clock: MovableClock, days: float) -> None:
    """Move the clock by days of 5 seconds, in small steps, and have the bots act."""
    master, exchange = client.services.gamemaster, client.services.exchange
    end = clock.now + int(days * 5 * NANOSECONDS)
    while True:
        with exchange.transaction():
            due = master.next_at
            if due is None or due > end:
                break
            clock.now = max(clock.now, due)
            master.act()
    clock.now = end


def until(condition: Any) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
