"""Proxies of the environment: none for this machine, and what it says for all others."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from ports import free_port

from disorderbook.client import ExchangeUnreachable, Market
from disorderbook.client.network import proxy_options
from disorderbook.in_process import serve

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
OTHER_HOST = "exchange.example"  # which nothing on earth is called
DEAD = "http://127.0.0.1:1"


class Proxy:
    """Notes the first line of what it is asked, and hangs up."""

    def __init__(self, listener: socket.socket) -> None:
        self.asked: list[bytes] = []
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._listener = listener

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                with self._listener.accept()[0] as client:
                    self.asked.append(client.recv(65536).partition(b"\r\n")[0])


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Proxy(listener)
        thread = threading.Thread(target=proxy.serve)
        thread.start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(60)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def written(name: str, is_upper: bool) -> str:
    return name.upper() if is_upper else name


either_case = pytest.mark.parametrize("is_upper", [False, True])


@either_case
@pytest.mark.parametrize("names", [("http_proxy", "https_proxy"), ("all_proxy",)])
def test_this_machine_is_reached_without_any(
    monkeypatch: pytest.MonkeyPatch, proxy: Proxy, names: tuple[str, ...], is_upper: bool
) -> None:
    with serve(websockets=True) as exchange:
        for url in (proxy.url, DEAD):
            for name in names:
                monkeypatch.setenv(written(name, is_upper), url)
            tape_port = exchange.tape_url.rpartition(":")[2]
            for host in ("127.0.0.1", "localhost"):
                with Market(
                    "TESTEX",
                    "FOOBAR",
                    "ME",
                    url=f"http://{host}:{exchange.port}",
                    tape_url=f"ws://{host}:{tape_port}",
                ) as market:
                    ticks, executions = market.ticks(), market.executions()
                    market.buy(5000, 1)
                    market.sell(5000, 1)
                    assert next(ticks).bid == 5000 and next(executions).price == 5000
    assert proxy.asked == []


@pytest.mark.parametrize("host", ["127.0.0.2", "[::1]", "127.1", "exchange.localhost"])
def test_nor_by_any_other_name_of_it(
    monkeypatch: pytest.MonkeyPatch, proxy: Proxy, host: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    port = free_port()
    with Market("V", "S", url=f"http://{host}:{port}", tape_url=f"ws://{host}:{port}") as market:
        for ask in (market.quote, market.ticks):
            with pytest.raises(ExchangeUnreachable):
                ask()
    assert proxy.asked == []


def asked_of(proxy: Proxy, ask: Callable[[Market], object], scheme: str = "http") -> list[bytes]:
    """What the proxy is asked when somebody asks another machine."""
    url = f"{scheme}://{OTHER_HOST}:8000"
    with Market("V", "S", url=url, timeout=5) as market, pytest.raises(ExchangeUnreachable):
        ask(market)
    return proxy.asked


@either_case
def test_other_machines_are_reached_as_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, proxy: Proxy, is_upper: bool
) -> None:
    monkeypatch.setenv(written("http_proxy", is_upper), proxy.url)
    assert asked_of(proxy, Market.quote)[0].startswith(b"GET http://exchange.example:8000/")
    assert asked_of(proxy, Market.ticks)[1:] == [b"CONNECT exchange.example:8000 HTTP/1.1"]


@either_case
def test_and_those_behind_tls_by_their_own(
    monkeypatch: pytest.MonkeyPatch, proxy: Proxy, is_upper: bool
) -> None:
    monkeypatch.setenv("http_proxy", DEAD)
    monkeypatch.setenv(written("https_proxy", is_upper), proxy.url)
    for ask in (Market.quote, Market.ticks):
        assert asked_of(proxy, ask, "https")[-1].startswith(b"CONNECT exchange.example:8000 ")
    assert len(proxy.asked) == 2


@either_case
@pytest.mark.parametrize(
    "excepted",
    [
        "exchange.example",
        "example",
        ".example",
        "*",
        "a.b, exchange.example",
        "exchange.example:8000",
    ],
)
def test_what_is_excepted_is_reached_without(
    monkeypatch: pytest.MonkeyPatch, proxy: Proxy, excepted: str, is_upper: bool
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv(written("no_proxy", is_upper), excepted)
    for ask in (Market.quote, Market.ticks):
        assert asked_of(proxy, ask) == []


@pytest.mark.parametrize(
    "proxy_url, host, port, login, kind",
    [
        ("http://proxy:3128", "proxy", 3128, None, "http"),
        ("proxy:3128", "proxy", 3128, None, "http"),
        ("http://proxy", "proxy", 80, None, "http"),
        ("https://proxy", "proxy", 443, None, "http"),
        ("http://me:p%40ss@proxy:1", "proxy", 1, ("me", "p@ss"), "http"),
        ("socks5h://proxy:1080", "proxy", 1080, None, "socks5h"),
    ],
)
def test_what_a_proxys_url_says(
    monkeypatch: pytest.MonkeyPatch,
    proxy_url: str,
    host: str,
    port: int,
    login: tuple[str, str] | None,
    kind: str,
) -> None:
    monkeypatch.setenv("http_proxy", proxy_url)
    told = proxy_options(f"ws://{OTHER_HOST}/ob/api/ws")
    assert (told["http_proxy_host"], told["http_proxy_port"]) == (host, port)
    assert (told["http_proxy_auth"], told["proxy_type"]) == (login, kind)
