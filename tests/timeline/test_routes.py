"""The routes of the clock, which requests move it, and worlds that repeat."""

import json
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from raw_websocket import RawPeer

from disorderbook.errors import ClockGoesByItself, Ending
from disorderbook.game.simulation import START
from disorderbook.in_process import PrivateExchange, serve
from disorderbook.protocol.names import NANOSECONDS

STOCK = "/ob/api/venues/TESTEX/stocks/FOOBAR"
THREE = "market-maker,taker,noise:3"
STEP = 50_000_000
PAGE = {"Sec-Fetch-Site": "same-origin"}


class Refused(Exception):
    def __init__(self, status: int, error: str, detail: str) -> None:
        super().__init__(status, error, detail)
        self.status, self.error, self.detail = status, error, detail


def ask(
    exchange: PrivateExchange,
    path: str,
    body: object = None,
    method: str | None = None,
    **headers: str,
) -> bytes:
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = urllib.request.Request(exchange.url + path, data, named, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as fault:
        detail = fault.headers["X-Error-Detail"] or ""
        raise Refused(fault.code, json.load(fault)["error"], detail) from None


def clock(exchange: PrivateExchange) -> Any:
    return json.loads(ask(exchange, "/api/v1/clock"))


def order(account: str, direction: str, **more: object) -> dict[str, object]:
    fields = {"account": account, "direction": direction, "qty": 20, "price": 5000}
    return fields | {"orderType": "limit"} | more


def played(settings: str, seed: int | None) -> list[bytes]:
    """All answers to two clients in turn against opponents."""
    answers = []
    with serve(opponents=THREE, seed=seed, clock=settings) as exchange:
        for turn in range(30):
            account = ("ANN", "BOB")[turn % 2]
            side = ("buy", "sell")[turn // 2 % 2]
            answers.append(ask(exchange, f"{STOCK}/orders", order(account, side)))
            answers.append(ask(exchange, f"{STOCK}/quote"))
            answers.append(ask(exchange, STOCK))
            if turn % 3 == 0:
                answers.append(ask(exchange, "/api/v1/clock", {"advance": 0.7}))
        answers.append(ask(exchange, "/api/v1/server"))
        for name in ("trades", "candles", "scores", "market"):
            answers.append(ask(exchange, f"/api/v1/venues/TESTEX/stocks/FOOBAR/{name}"))
        answers.append(ask(exchange, f"{STOCK}/scores"))
    return answers


@pytest.mark.parametrize("settings", ["stepped", "requests:50ms"])
def test_the_same_requests_give_the_same_bytes(settings: str) -> None:
    first = played(settings, 7)
    assert first == played(settings, 7) != played(settings, 8)
    assert json.loads(first[-3])["accounts"] >= 5 and b"MAKERBOTS" in first[-1]


def test_a_stepped_clock_stands_still_until_it_is_asked_to_move() -> None:
    with serve(opponents=THREE, seed=7, clock="stepped") as exchange:
        before = clock(exchange)
        assert before == clock(exchange) and before["clock"] == "stepped"
        assert START <= before["ns"] < START + 1000
        for path in (STOCK, f"{STOCK}/quote", f"{STOCK}/scores", "/api/v1/server", "/gm/levels"):
            ask(exchange, path)
        assert clock(exchange) == before and exchange.time_ns == before["ns"]
        after = json.loads(ask(exchange, "/api/v1/clock", {"advance": 2.5}))
        assert after["ns"] == START + 2_500_000_000 and after["ok"] and after == clock(exchange)
        exchange.advance(2.5)
        assert exchange.time == START / NANOSECONDS + 5
        assert len(json.loads(ask(exchange, STOCK))["bids"]) > 2


def test_which_requests_move_the_request_clock() -> None:
    with serve(clock="requests:50ms", seed=7) as exchange:
        start = clock(exchange)["ns"]
        assert clock(exchange)["step"] == STEP

        def steps() -> int:
            return int((clock(exchange)["ns"] - START) // STEP)

        still = ["/api/v1/clock", "/api/v1/server", "/metrics", "/", "/docs", "/ui/levels"]
        for path in still:
            ask(exchange, path)
        for path in (STOCK, "/gm/levels", "/api/v1/venues/TESTEX/stocks/FOOBAR/market"):
            ask(exchange, path, **{"Sec-Fetch-Site": "same-origin"})
        assert clock(exchange)["ns"] == start
        moving = [STOCK, "/ob/api/heartbeat", "/gm/levels", f"{STOCK}/", f"{STOCK}/scores"]
        moving.append("/api/v1/venues/TESTEX/stocks/FOOBAR/market")
        for number, path in enumerate(moving, 1):
            ask(exchange, path)
            assert steps() == number, path
        done = len(moving)
        placed = json.loads(ask(exchange, f"{STOCK}/orders", order("ANN", "buy")))
        assert placed["ts"] >= "2015-12-13T09:46:40.35"  # time moves first, the order comes then
        with pytest.raises(Refused):
            ask(exchange, f"{STOCK}/orders", order("ANN", "hold"))
        ask(exchange, f"{STOCK}/orders/0", method="DELETE")
        assert steps() == done + 3
        for path in ("/ob/api/nowhere", f"/ob/api/venues/{'V' * 300}/stocks"):
            with pytest.raises(Refused):
                ask(exchange, path)
        with pytest.raises(Refused):
            ask(exchange, f"{STOCK}/orders", b" " * 70_000)
        assert steps() == done + 3
        ask(exchange, "/api/v1/clock", {"advance": 1})
        assert steps() == done + 3 + 20


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"advance": -1}, "Illegal value (usually a non-positive number)"),
        ({"advance": 86_401}, "Illegal value (usually a non-positive number)"),
        (b'{"advance": NaN}', "Illegal value (usually a non-positive number)"),
        ({"advance": 10**400}, "Illegal value (usually a non-positive number)"),
        (b'{"advance": 1e999}', "Illegal value (usually a non-positive number)"),
        ({"advance": "5"}, "A value in the POST had the wrong type"),
        ({"advance": True}, "A value in the POST had the wrong type"),
        ({"advance": None}, "A value in the POST had the wrong type"),
        ({}, "Incoming POST was missing required field"),
        ([5], "A value in the POST had the wrong type"),
        (b"", "Incoming data was not valid JSON"),
    ],
)
def test_a_time_that_goes_back_or_is_none_is_refused(body: object, error: str) -> None:
    with serve(clock="stepped") as exchange:
        before = clock(exchange)
        with pytest.raises(Refused) as refusal:
            ask(exchange, "/api/v1/clock", body)
        assert (refusal.value.status, refusal.value.error) == (400, error)
        assert body == b"" or "allowed: " in refusal.value.detail
        assert clock(exchange) == before


@pytest.mark.parametrize("settings", [{}, {"speed": 50}])
def test_a_clock_that_goes_by_itself_is_not_moved(settings: Any) -> None:
    with serve(**settings) as exchange:
        with pytest.raises(Refused) as refusal:
            ask(exchange, "/api/v1/clock", {"advance": 1})
        assert refusal.value.status == 400 and "goes by itself" in refusal.value.error
        with pytest.raises(ClockGoesByItself):
            exchange.advance(1)
        assert clock(exchange)["ns"] <= clock(exchange)["ns"]


def test_the_admin_moves_the_clock_and_web_pages_of_others_do_not() -> None:
    with serve(clock="stepped", accounts={"ANN": "annkey"}, admin_key="adminkey") as exchange:
        for key, status in (("", 401), ("other", 401), ("annkey", 401), ("adminkey", 200)):
            headers = {"X-Starfighter-Authorization": key} if key else {}
            try:
                ask(exchange, "/api/v1/clock", {"advance": 1}, **headers)
                assert status == 200
            except Refused as refusal:
                assert refusal.status == status
        assert clock(exchange)["ns"] == START + NANOSECONDS
        with pytest.raises(Refused) as foreign:
            ask(exchange, "/api/v1/clock", {"advance": 1}, Origin="http://evil.example")
        assert foreign.value.status == 403


def heard(path: str) -> bytes:
    """All that a listener hears of twenty seconds, up to an order that trades with everything."""
    with serve(opponents=THREE, seed=7, clock="stepped", websockets=True) as exchange:
        with closing(RawPeer.listening(exchange.port, f"/ob/api/ws/{path}").socket) as sock:
            exchange.advance(20)
            last = order("NOISEBOTS1", "buy", price=77_777, qty=10_000)
            ask(exchange, f"{STOCK}/orders", last)
            received = b""
            while b"77777" not in received:
                received += sock.recv(65536)
            return received[: received.index(b"77777")]


@pytest.mark.parametrize(
    "path", ["ANN/venues/TESTEX/tickertape", "NOISEBOTS1/venues/TESTEX/executions"]
)
def test_a_listener_hears_the_same_bytes(path: str) -> None:
    first = heard(path)
    assert first == heard(path) and first.count(b'"ok":true') > 20


LEVEL = "/gm/levels/first_steps"


def trading_day(exchange: PrivateExchange, instance: str) -> int:
    told = json.loads(ask(exchange, instance))
    return int(told["details"]["tradingDay"]) if "details" in told else 0


def level_days(settings: dict[str, Any]) -> tuple[Any, list[int], Any]:
    """A level's start, the days that its player is told, and its page at last."""
    with serve(seed=7, **settings) as exchange:
        start = json.loads(ask(exchange, LEVEL, b""))
        days = []
        state = f"/gm/instances/{start['instanceId']}"
        for _ in range(4):
            days.append(trading_day(exchange, state))
            exchange.advance(5)
        page = f"/api/v1/instances/{start['instanceId']}"
        for action in ("pause", "advance", "run"):
            ask(exchange, f"{page}/{action}", b"", "POST")
            exchange.advance(1)
        return start, days, json.loads(ask(exchange, page))


def test_levels_go_by_a_stepped_clock_and_repeat_down_to_their_names() -> None:
    first, days, page = level_days({"clock": "stepped"})
    assert days == [0, 1, 2, 3]
    assert page["day"] == 5 and page["assisted"] and not page["paused"]
    assert (first, days, page) == level_days({"clock": "stepped"})
    other, _, _ = level_days({"clock": "requests:1ms"})
    assert other["account"] == first["account"]  # it has drawn the same names
    with serve(seed=7) as exchange:
        assert json.loads(ask(exchange, LEVEL, b""))["venues"] != first["venues"]


def test_what_a_request_has_made_due_is_done_before_the_next_one() -> None:
    """The first order of a day that its player has begin now: no thread decides when it comes."""
    with serve(seed=7, clock="stepped") as exchange:
        start = json.loads(ask(exchange, LEVEL, b""))
        stock = f"/ob/api/venues/{start['venues'][0]}/stocks/{start['tickers'][0]}"
        for _ in range(5):
            before = ask(exchange, stock)
            ask(exchange, f"/api/v1/instances/{start['instanceId']}/advance", b"", "POST")
            assert ask(exchange, stock) != before
            exchange.advance(2)


def test_a_level_goes_on_at_fifty_times_the_speed() -> None:
    with serve(seed=7, speed=50) as exchange:
        start = json.loads(ask(exchange, LEVEL, b""))
        path = f"/gm/instances/{start['instanceId']}"
        while trading_day(exchange, path) < 4:
            pass
        assert exchange.time_ns > START + 15 * NANOSECONDS


def test_a_market_goes_on_behind_what_its_file_holds(tmp_path: Path) -> None:
    settings: Any = {"opponents": THREE, "seed": 7, "clock": "stepped"}

    def go_on(file: Path, kind: dict[str, Any]) -> tuple[int, bytes, bytes]:
        with serve(database=file, **kind) as exchange:
            begun, book = exchange.time_ns, ask(exchange, STOCK)
            if kind == settings:
                exchange.advance(20)
            return begun, book, ask(exchange, STOCK)

    began, _, left = go_on(tmp_path / "one.db", settings)
    assert START <= began < START + 1000
    shutil.copy(tmp_path / "one.db", tmp_path / "two.db")
    again, book, after = go_on(tmp_path / "one.db", settings)
    assert START + 15 * NANOSECONDS < again <= START + 21 * NANOSECONDS
    levels = [{k: v for k, v in json.loads(each).items() if k != "ts"} for each in (left, book)]
    assert levels[0] == levels[1] and book != after
    assert (again, book, after) == go_on(tmp_path / "two.db", settings)
    real, book, _ = go_on(tmp_path / "two.db", {})
    assert real > 1_700_000_000 * NANOSECONDS  # and an earlier clock goes on behind that
    with serve(database=tmp_path / "two.db") as exchange:
        ask(exchange, f"{STOCK}/orders", order("ANN", "buy"))
    assert go_on(tmp_path / "two.db", {"clock": "stepped"})[0] > real


def test_with_keys_nobody_else_trades_for_an_opponent_that_the_accounts_do_not_name() -> None:
    keys = {"ANN": "annkey", "TAKERBOTS": "takerkey"}
    with serve(opponents=THREE, seed=7, clock="stepped", accounts=keys) as exchange:
        for account, key, status in (
            ("MAKERBOTS", "annkey", 401),
            ("MAKERBOTS", "makerkey", 401),
            ("TAKERBOTS", "takerkey", 200),
        ):
            headers = {"X-Starfighter-Authorization": key}
            try:
                ask(exchange, f"{STOCK}/orders", order(account, "buy"), **headers)
                assert status == 200
            except Refused as refusal:
                assert refusal.status == status
        exchange.advance(5)
        assert len(json.loads(ask(exchange, STOCK))["bids"]) > 2


def test_with_a_speed_so_many_seconds_pass_in_a_real_one() -> None:
    with serve(speed=1000, opponents=THREE, seed=7) as exchange:
        while exchange.time_ns < START + 20 * NANOSECONDS:
            pass
        assert len(json.loads(ask(exchange, STOCK))["bids"]) > 0
        assert clock(exchange)["speed"] == 1000


def test_without_the_option_nothing_trades_by_itself() -> None:
    with serve(clock="stepped") as exchange:
        exchange.advance(86_400)
        assert json.loads(ask(exchange, STOCK))["bids"] == []


def test_after_the_end_nobody_waits() -> None:
    with serve(clock="stepped", opponents="noise:20") as exchange:
        pass
    with pytest.raises(Ending):
        exchange.advance(1)
    with pytest.raises(Ending):
        exchange.time_ns


def test_it_ends_while_the_clock_is_moved() -> None:
    """Whoever waits for a day of many opponents is told, over HTTP and in Python."""
    told: list[object] = []

    def wait(ask_for_time: Callable[[], object]) -> None:
        try:
            ask_for_time()
        except (Ending, Refused) as refusal:
            told.append(getattr(refusal, "status", 503))

    with serve(clock="stepped", opponents="noise:100") as exchange:
        waiting = [
            threading.Thread(target=wait, args=(ask_for_time,), daemon=True)
            for ask_for_time in (
                lambda: ask(exchange, "/api/v1/clock", {"advance": 86_400}),
                lambda: exchange.advance(86_400),
            )
        ]
        for thread in waiting:
            thread.start()
        while len(exchange._timeline._waiting) < 2:
            assert clock(exchange)["ok"]  # others are answered meanwhile
    for thread in waiting:
        thread.join(60)
    assert told == [503, 503]


@pytest.mark.parametrize(
    "settings",
    [
        {"opponents": "nobody"},
        {"opponents": "noise:0"},
        {"clock": "yesterday"},
        {"speed": 0},
        {"speed": 50, "clock": "stepped"},
        {"seed": -1},
        {"seed": "7"},
        {"seed": 7.5},
        {"opponents": ["noise"]},
        {"clock": None},
        {"speed": "fast"},
    ],
)
def test_a_world_that_cannot_be_is_refused(settings: Any) -> None:
    with pytest.raises(ValueError):
        with serve(**settings):
            pass


def test_a_level_begins_though_the_clock_stands_still_and_its_names_follow_from_the_seed() -> None:
    def started() -> Any:
        with serve(clock="stepped", seed=7) as exchange:
            return json.loads(ask(exchange, "/gm/levels/first_steps", b""))

    assert started() == started()
