"""Players of levels that are written for simulated time, over HTTP and the tape."""

import http.client
import json
import select
import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from level_player import with_key
from level_players import Player
from raw_websocket import PING, PONG, TEXT, RawPeer, frame

from disorderbook.engine.book import Execution
from disorderbook.engine.orders import (
    BUY,
    ORDER_TYPE_NAMES,
    SELL,
    SIDE_NAMES,
    OrderType,
    Side,
)
from disorderbook.game.simulation import PlayerView
from disorderbook.traders.market_view import Depth, MarketView, OwnOrder, RestingOrder, TopOfBook

PATIENCE = 60.0  # seconds


def own_order(told: dict[str, Any]) -> OwnOrder:
    """The player's order, as an answer told it."""
    return OwnOrder(
        told["id"],
        BUY if told["direction"] == "buy" else SELL,
        told["price"],
        told["originalQty"],
        told["totalFilled"],
        sum(fill["price"] * fill["qty"] for fill in told["fills"]),
        told["open"],
    )


class RemoteLevel:
    """An instance of a level, over one connection; a gateway of strategies."""

    def __init__(self, port: int, name: str, key: str | None, seed: int) -> None:
        self.port = port
        self._headers = with_key(key)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self.start = self.ask("POST", f"/gm/levels/{name}", {"seed": seed})[1]
        self.id, self.account = self.start["instanceId"], self.start["account"]
        self.venue = self.start["venues"][0]
        self.stock = f"/ob/api/venues/{self.venue}/stocks/{self.start['tickers'][0]}"

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and JSON of the answer."""
        sent = None if body is None else json.dumps(body)
        self._connection.request(method, path, sent, self._headers)
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def quote(self) -> TopOfBook | None:
        quote = self.ask("GET", f"{self.stock}/quote")[1]
        return TopOfBook(quote.get("bid"), quote.get("ask"), quote.get("last"))

    def book(self) -> Depth | None:
        book = self.ask("GET", self.stock)[1]
        bids, asks = (
            tuple((row["price"], row["qty"]) for row in book[side]) for side in ("bids", "asks")
        )
        return Depth(bids, asks)

    def status(self, order_id: int) -> OwnOrder | None:
        return own_order(self.ask("GET", f"{self.stock}/orders/{order_id}")[1])

    def cancel(self, order_id: int) -> OwnOrder | None:
        return own_order(self.ask("DELETE", f"{self.stock}/orders/{order_id}")[1])

    def place(
        self, side: Side, quantity: int, price: int, order_type: OrderType
    ) -> OwnOrder | None:
        order = {
            "account": self.account,
            "direction": SIDE_NAMES[side],
            "orderType": ORDER_TYPE_NAMES[order_type],
            "price": price,
            "qty": quantity,
        }
        status, told = self.ask("POST", f"{self.stock}/orders", order)
        assert status == 200, told
        return own_order(told)


class Ears:
    """Everybody's executions at a venue: accounts are found out by cancelling their orders, as the
    last level wants it, and then listened to.
    """

    def __init__(self, level: RemoteLevel) -> None:
        self._level = level
        self._next_id = 0
        self._peers: dict[str, RawPeer] = {}
        self._halves: dict[tuple[int, int], dict[str, Any]] = {}

    def executions(self) -> list[Any]:
        """What both sides have told of since the last time."""
        self._find_accounts()
        whole = []
        for account, peer in self._peers.items():
            while peer._arrived or select.select([peer.socket], [], [], 0)[0]:
                got = peer.frame()
                assert got is not None, f"no tape of {account}"
                if got.opcode == PING:  # or it is closed, in a game that takes that long
                    peer.send(frame(PONG, got.payload))
                if got.opcode == TEXT:
                    whole += self._matched(json.loads(got.payload))
        return whole

    def close(self) -> None:
        for peer in self._peers.values():
            peer.socket.close()

    def _find_accounts(self) -> None:
        while len(self._peers) < 100:
            path = f"{self._level.stock}/orders/{self._next_id}"
            status, told = self._level.ask("DELETE", path)
            if status == 404:
                return
            self._next_id += 1
            if status == 401:
                account = told["error"].removesuffix(".").rpartition(" ")[2]
                if account not in self._peers:
                    tape = f"/ob/api/ws/{account}/venues/{self._level.venue}/executions"
                    self._peers[account] = RawPeer.listening(self._level.port, tape)

    def _matched(self, told: dict[str, Any]) -> list[Any]:
        place = told["standingId"], told["incomingId"]
        order = SimpleNamespace(
            account=told["account"], side=BUY if told["order"]["direction"] == "buy" else SELL
        )
        role = "standing" if told["order"]["id"] == told["standingId"] else "incoming"
        halves = self._halves.setdefault(place, {})
        halves[role] = order
        if len(halves) < 2:
            return []
        trade = {"price": told["price"], "quantity": told["filled"]}
        return [SimpleNamespace(**self._halves.pop(place), **trade)]


class RemoteView(PlayerView):
    """What a player of simulated time sees, over HTTP and the tape."""

    quote, book, place, take = MarketView.quote, MarketView.book, MarketView.place, MarketView.take
    cancel, refresh = MarketView.cancel, MarketView.refresh

    def __init__(self, level: RemoteLevel) -> None:
        MarketView.__init__(self, level, level.account, 0)
        self.level = level
        self.ears = Ears(level)
        self.told: dict[str, Any] = {}

    def look(self) -> None:
        """Ask how the level stands, and what has become of the orders."""
        status, self.told = self.level.ask("GET", f"/gm/instances/{self.level.id}")
        assert status == 200, self.told
        self.refresh()

    @property
    def resting(self) -> Mapping[int, RestingOrder]:
        return dict(self._resting)

    @property
    def day(self) -> int:
        return int(self.told.get("details", {}).get("tradingDay", 0))

    @property
    def flash(self) -> dict[str, str] | None:
        found: dict[str, str] | None = self.told.get("flash")
        return found

    @property
    def state(self) -> str:
        return str(self.told["state"])

    def executions(self) -> list[Execution]:
        return self.ears.executions()

    def accuse(self, account: str) -> None:
        self.level.ask("POST", f"/gm/instances/{self.level.id}/judge", {"account": account})


def play_remotely(
    port: int, name: str, key: str | None, seed: int, player: Player, seconds_a_day: float
) -> dict[str, Any]:
    """Play a level once a day, in the silence after the burst, until it is decided; returns how it
    stands then.
    """
    market = RemoteView(RemoteLevel(port, name, key, seed))
    market.look()
    day = -1
    while market.state == "open":
        if market.day == day:
            time.sleep(seconds_a_day / 10)
        else:
            day = market.day
            time.sleep(seconds_a_day / 4)  # the bots' burst
            market.look()
            player.step(market)
        market.look()
    market.ears.close()
    return market.told
