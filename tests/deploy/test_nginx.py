"""The sample configurations for nginx, with TLS and without: an exchange behind each, HTTP and
websockets both, and what they log.
"""

import contextlib
import http.client
import itertools
import json
import re
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import certifi
import pytest
from live import Exchange, running
from nginx import DEPLOY, filled_in, require_nginx, running_nginx, to_port
from ports import free_port
from raw_http import wait_until
from tls_front import make_certificate
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from wsgi import BUY, ORDERS

from disorderbook.client import CertificateUntrusted, Market

WITH_TLS, WITHOUT = "nginx.conf", "nginx-http.conf"
LOGS = "exchange.log", "exchange-error.log"
NAME = "exchange.example"
ADMIN = {"X-Starfighter-Authorization": "adminkey"}
PATIENCE = 30.0  # seconds


class Proxy:
    """A running nginx: its port, its folder, and, if it speaks TLS, what a client needs to trust
    it.
    """

    def __init__(self, folder: Path, port: int, trust: ssl.SSLContext | None) -> None:
        self.folder, self.port, self.trust = folder, port, trust
        self.url = f"{'ws' if trust is None else 'wss'}://127.0.0.1:{port}"

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of one answer."""
        with contextlib.closing(self._connection()) as connection:
            sent = body if body is None or isinstance(body, bytes) else json.dumps(body)
            connection.request(method, path, sent, {"Host": NAME, **(headers or {})})
            answer = connection.getresponse()
            is_json = answer.headers["Content-Type"] == "application/json"
            return answer.status, json.load(answer) if is_json else answer.read().decode()

    def send(self, sent: bytes) -> bytes:
        """What comes back first."""
        with contextlib.closing(self._connection()) as connection:
            connection.connect()
            connection.sock.sendall(sent)
            return bytes(connection.sock.recv(4096))

    def connect(self, path: str, **options: Any) -> ClientConnection:
        """A websocket."""
        return connect(
            self.url + path,
            ssl=self.trust,
            compression=None,
            proxy=None,
            server_hostname=None if self.trust is None else NAME,
            **options,
        )

    def logged(self) -> str:
        """What is in its two logs."""
        return "".join((self.folder / name).read_text() for name in LOGS)

    def _connection(self) -> http.client.HTTPConnection:
        if self.trust is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=self.trust, timeout=PATIENCE
        )


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    require_nginx()
    file = tmp_path_factory.mktemp("admin") / "key"
    file.write_text(ADMIN["X-Starfighter-Authorization"])
    for sample in (WITH_TLS, WITHOUT):
        found = re.findall(r"--allowed-host \S+", (DEPLOY / sample).read_text())
        assert found == [f"--allowed-host {NAME}"]
    with running(
        "--websockets",
        "--wsport",
        "0",
        "-a",
        "accounts.json",
        "--allowed-host",
        NAME,
        "--control",
        "--admin-key-file",
        str(file),
        "--log-level",
        "debug",
    ) as exchange:
        yield exchange


@pytest.fixture(scope="module", params=[WITH_TLS, WITHOUT])
def proxy(
    exchange: Exchange, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    with started_nginx(request.param, folder, exchange.port) as proxy:
        yield proxy


@contextlib.contextmanager
def started_nginx(sample: str, folder: Path, port: int) -> Iterator[Proxy]:
    """A sample in use, before the exchange of this port."""
    own, trust = free_port(), None
    changes = to_port(port)
    if sample == WITH_TLS:
        certificate, key = make_certificate(folder, f"DNS:{NAME},IP:127.0.0.1")
        trust = ssl.create_default_context(cafile=str(certificate))
        changes |= {
            "listen 443 ssl": f"listen 127.0.0.1:{own} ssl",
            "/etc/ssl/certs/exchange.pem": str(certificate),
            "/etc/ssl/private/exchange.key": str(key),
        }
    else:
        changes["listen 80"] = f"listen 127.0.0.1:{own}"
    text = filled_in((DEPLOY / sample).read_text(), changes)
    with running_nginx(folder, text, own) as nginx:
        yield Proxy(folder, own, trust)
    assert SECRET not in nginx.log()


KEY = {"X-Starfighter-Authorization": "noisekey"}
ORDER = BUY | {"account": "NOISEBOTS"}


def test_orders_go_through(proxy: Proxy) -> None:
    status, placed = proxy.ask("POST", ORDERS, ORDER, KEY)
    assert (status, placed["account"]) == (200, "NOISEBOTS")
    path = f"{ORDERS}/{placed['id']}"
    assert proxy.ask("GET", path, headers=KEY) == (200, placed)
    status, cancelled = proxy.ask("DELETE", path, headers=KEY)
    assert (status, cancelled["open"]) == (200, False)


def test_refusals_are_the_exchanges_own(proxy: Proxy) -> None:
    assert proxy.ask("POST", ORDERS, ORDER)[0] == 401
    assert proxy.ask("GET", "/nothing") == (404, {"ok": False, "error": "No such path"})
    status, refusal = proxy.ask("POST", ORDERS, b" " * 65537, KEY)
    assert status == 413 and refusal["ok"] is False


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/metrics/",
        "//metrics",
        "/%6detrics",
        "/x/../metrics",
    ],
)
def test_nobody_outside_is_told_the_metrics(proxy: Proxy, path: str) -> None:
    assert proxy.ask("GET", path) == (404, {"ok": False, "error": "No such path"})


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/control/reset",
        "/api/v1/control/reset/",
        "//api/v1//control/reset",
        "/api/v1/c%6fntrol/reset",
        "/api/v1/x/../control/halt",
        "/api/v1/control",
        "/api/v1/control/requests",
        "/api/v1/control/snapshots/..%2F",
        "/control",
        "//control/",
        "/api/v1/clock",
        "/api/v1/clock/",
        "/api//v1/cl%6fck//",
    ],
)
def test_nobody_outside_controls_the_market_or_moves_its_clock(proxy: Proxy, path: str) -> None:
    reads = () if "cl" in path else ("GET",)
    for method in ("POST", "PUT", "DELETE", *reads):
        refused = proxy.ask(method, path, b"{}", ADMIN)
        assert refused == (404, {"ok": False, "error": "No such path"})
    if "cl" in path:
        assert proxy.ask("GET", path)[1]["clock"] == "real"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/admin",
        "/api/v1/admin/",
        "//api/v1//admin",
        "/api/v1/%61dmin",
        "/api/v1/x/../admin",
        "/api%2Fv1%2Fadmin",
    ],
)
def test_the_admins_key_is_taken_through_tls_alone(proxy: Proxy, path: str) -> None:
    outside = (404, {"ok": False, "error": "No such path"})
    for method, action in (("GET", ""), ("POST", "/announce")):
        status, told = proxy.ask(method, f"{path}{action}", b'{"text": "Hello"}', ADMIN)
        # The exchange takes %2F and ".." as they are.
        is_plain_path = path in ("/api/v1/admin", "/api/v1/%61dmin") or "//" in path
        if proxy.trust is None:
            assert (status, told) == outside
        elif is_plain_path:
            assert (status, told["ok"]) == (200, True)
        if proxy.trust is not None:
            assert proxy.ask(method, f"{path}{action}", b'{"text": "x"}', KEY)[0] in (401, 404)
    assert proxy.ask("GET", "/admin")[0] == 404 or proxy.trust is not None


@pytest.mark.parametrize("sample", [WITH_TLS, WITHOUT])
def test_the_exchange_is_told_of_each_request_that_it_comes_through_a_proxy(sample: str) -> None:
    blocks = (DEPLOY / sample).read_text().split("location ")
    passing = [block for block in blocks if "proxy_pass" in block]
    assert len(passing) == 3
    for block in passing:
        assert "proxy_set_header X-Forwarded-For $remote_addr;" in block


def test_a_web_page_of_the_proxys_own_name_may_trade_and_others_may_not(proxy: Proxy) -> None:
    own = KEY | {"Origin": f"{'http' if proxy.trust is None else 'https'}://{NAME}"}
    assert proxy.ask("POST", ORDERS, ORDER, own)[0] == 200
    foreign = KEY | {"Origin": "https://evil.example"}
    assert proxy.ask("POST", ORDERS, ORDER, foreign)[0] == 403


def test_an_address_is_passed_on_and_an_unknown_name_is_refused(proxy: Proxy) -> None:
    assert proxy.ask("GET", "/ob/api/heartbeat", headers={"Host": "192.0.2.1"})[0] == 200
    status, refusal = proxy.ask("GET", "/ob/api/heartbeat", headers={"Host": "evil.example"})
    assert status == 403 and "--allowed-host" in refusal["error"]


TAPE = "/ob/api/ws/NOISEBOTS/venues/TESTEX"


def test_the_tape_goes_through(proxy: Proxy) -> None:
    """To a program, and to a page that came through it, but to no other site's."""
    with (
        proxy.connect(f"{TAPE}/tickertape", origin=proxy.url.replace("ws", "http")) as ticker,
        proxy.connect(f"{TAPE}/executions", additional_headers=KEY) as in_header,
        proxy.connect(f"{TAPE}/executions?api_key=noisekey") as in_query,
        proxy.connect(f"/key/noisekey{TAPE}/executions") as in_path,
    ):
        for direction in ("buy", "sell"):
            order = ORDER | {"direction": direction, "price": 4321}
            assert proxy.ask("POST", ORDERS, order, KEY)[0] == 200
        tick = json.loads(ticker.recv(PATIENCE))
        assert tick["ok"] is True and tick["quote"]["venue"] == "TESTEX"
        for listener in (in_header, in_query, in_path):
            execution = json.loads(listener.recv(PATIENCE))
            assert execution["account"] == "NOISEBOTS" and execution["filled"] > 0
    with pytest.raises(InvalidStatus, match="403"):
        proxy.connect(f"{TAPE}/tickertape", origin="https://evil.example")


def test_the_tape_keeps_its_own_door_behind_the_proxy(proxy: Proxy) -> None:
    with proxy.connect(f"{TAPE}/executions") as refused:
        assert json.loads(refused.recv(PATIENCE))["ok"] is False
        with pytest.raises(Exception, match="1008"):
            refused.recv(PATIENCE)


SECRET = "s3cr3t"
TARGETS = [
    f"{TAPE}/executions?api_key={SECRET}",
    f"/key/{SECRET}{TAPE}/executions",
    f"/key/{SECRET}",
    f"//key//{SECRET}%2F{SECRET}{TAPE}/executions",
    f"/k%65y/{SECRET}/ob/api/ws/",
    f"/ob/api/heartbeat?api_key={SECRET}",
    f"/metrics?api_key={SECRET}",
    f"/nothing?{SECRET}",
    f"{ORDERS}?api_key={SECRET}",
    f"http://{NAME}/key/{SECRET}/x?api_key={SECRET}",
    f"/malformed line?api_key={SECRET}",
    f"/key/{SECRET}/../../..",
    f"/%00?api_key={SECRET}",
    "/long?" + SECRET * 10_000,
]
FRAMING = [
    "Connection: close\r\n",
    "Connection: close\r\nContent-Length: 2000000\r\n",
    f"Connection: close\r\nReferer: http://{NAME}/key/{SECRET}/?api_key={SECRET}\r\n",
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 0\r\n",
]


def send_secrets(proxy: Proxy) -> None:
    """Requests of all kinds with a key in them, most of them refused, some after a while."""

    def send(target: str, framing: str) -> None:
        head = f"GET {target} HTTP/1.1\r\nHost: {NAME}\r\nCookie: api_key={SECRET}\r\n"
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            proxy.send(f"{head}{framing}\r\n".encode())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(send, *zip(*itertools.product(TARGETS, FRAMING))))


def test_no_key_is_in_any_log(proxy: Proxy, exchange: Exchange) -> None:
    with proxy.connect(f"{TAPE}/executions?api_key={SECRET}") as refused:
        assert json.loads(refused.recv(PATIENCE))["ok"] is False
    send_secrets(proxy)
    last = "/the/last/request"
    assert proxy.ask("GET", f"{last}?api_key={SECRET}")[0] == 404
    assert wait_until(lambda: f"GET {last} 404 " in proxy.logged())
    logged = proxy.logged()
    assert f"GET {TAPE}/executions 101 " in logged and "GET /key/... " in logged
    assert SECRET not in logged and SECRET not in exchange.log()


@pytest.mark.parametrize("sample", [WITH_TLS, WITHOUT])
def test_no_key_is_in_any_log_while_no_exchange_answers(
    exchange: Exchange, tmp_path: Path, sample: str
) -> None:
    with started_nginx(sample, tmp_path, free_port()) as proxy:
        send_secrets(proxy)
        assert proxy.ask("GET", f"{TAPE}/executions?api_key={SECRET}")[0] == 502
        assert wait_until(lambda: f"GET {TAPE}/executions 502 " in proxy.logged())
        assert SECRET not in proxy.logged()


def test_the_two_samples_differ_in_tls_names_and_the_admin_alone() -> None:
    def directives(sample: str) -> list[str]:
        lines = [line.strip() for line in (DEPLOY / sample).read_text().splitlines()]
        own = ("#", "listen ", "server_name ", "ssl_")
        return [line for line in lines if line and not line.startswith(own)]

    without = directives(WITHOUT)
    start = without.index("location ~ ^/(api/v1/)?admin(/|$) {")
    assert [*without[:start], *without[start + 4 :]] == directives(WITH_TLS)


def test_our_client_needs_one_url_and_the_certificate(proxy: Proxy) -> None:
    url, ca = proxy.url.replace("ws", "http", 1), proxy.folder / "certificate.pem"
    verify = proxy.trust is None or ca
    with Market("TESTEX", "FOOBAR", "NOISEBOTS", "noisekey", url, verify=verify) as market:
        executions = market.executions()
        market.buy(4444, 1)
        market.sell(4444, 1)
        assert next(executions).account == "NOISEBOTS"
    if proxy.trust is not None:
        with Market("TESTEX", "FOOBAR", url=url, verify=certifi.where()) as market:
            with pytest.raises(CertificateUntrusted):
                market.ticks()
