"""The sample configuration for nginx: an exchange behind TLS, HTTP and websockets both."""

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from live import Exchange, Started, running
from raw_http import wait_until
from wsgi import BUY, ORDERS

SAMPLE = Path(__file__).parent.parent.parent / "deploy" / "nginx.conf"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
NAME = "exchange.example"
PATIENCE = 10.0  # seconds

MAIN = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/sample.conf;
}}
"""


class Proxy:
    """A running nginx: its port, and what a client needs to trust it."""

    def __init__(self, port: int, trust: ssl.SSLContext) -> None:
        self.port, self.trust = port, trust

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of one answer."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=self.trust, timeout=PATIENCE
        )
        with contextlib.closing(connection):
            sent = body if body is None or isinstance(body, bytes) else json.dumps(body)
            connection.request(method, path, sent, {"Host": NAME, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, json.load(answer)


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    if NGINX is None:
        assert os.environ.get("CI") != "true", "continuous integration must install nginx"
        pytest.skip("nginx is not installed")
    options = re.findall(r"--allowed-host \S+", SAMPLE.read_text())[0].split()
    assert options[1] == NAME
    with running(
        "--websockets", "--wsport", "0", "-a", "accounts.json", *options
    ) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def proxy(exchange: Exchange, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    certificate, key = make_certificate(folder)
    port = free_port()
    (folder / "sample.conf").write_text(filled_in({
        "127.0.0.1:8000": f"127.0.0.1:{exchange.port}",
        "127.0.0.1:8001": f"127.0.0.1:{tape_port(exchange)}",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/certs/exchange.pem": str(certificate),
        "/etc/ssl/private/exchange.key": str(key),
    }))
    (folder / "main.conf").write_text(MAIN.format(folder=folder))
    assert NGINX is not None
    nginx = Started(NGINX, "-e", "stderr", "-p", str(folder), "-c", str(folder / "main.conf"))
    try:
        assert wait_until(lambda: listens(port)), nginx.log()
        trust = ssl.create_default_context(cafile=str(certificate))
        yield Proxy(port, trust)
    finally:
        nginx.end()


def filled_in(changes: dict[str, str]) -> str:
    """The sample with each of these replaced; it must be there."""
    text = SAMPLE.read_text()
    for sample, real in changes.items():
        assert sample in text, f"the sample no longer holds {sample}"
        text = text.replace(sample, real)
    return text


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate and its key."""
    certificate, key = folder / "exchange.pem", folder / "exchange.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1",
         "-out", str(certificate), "-keyout", str(key)],
        check=True, capture_output=True,
    )
    return certificate, key


def tape_port(exchange: Exchange) -> int:
    return int(exchange.process.wait_for(r"ws://127\.0\.0\.1:(\d+)/ob/api/ws/")[1])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


KEY = {"X-Starfighter-Authorization": "noisekey"}
ORDER = BUY | {"account": "NOISEBOTS"}


def test_orders_go_through_tls(proxy: Proxy) -> None:
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


@pytest.mark.parametrize("path", [
    "/metrics", "/metrics/", "//metrics", "/%6detrics", "/x/../metrics",
])
def test_nobody_outside_is_told_the_metrics(proxy: Proxy, path: str) -> None:
    assert proxy.ask("GET", path) == (404, {"ok": False, "error": "No such path"})


def test_a_web_page_of_the_proxys_own_name_may_trade_and_others_may_not(proxy: Proxy) -> None:
    own = KEY | {"Origin": f"https://{NAME}"}
    assert proxy.ask("POST", ORDERS, ORDER, own)[0] == 200
    foreign = KEY | {"Origin": "https://evil.example"}
    assert proxy.ask("POST", ORDERS, ORDER, foreign)[0] == 403


def test_the_tape_goes_through_tls(proxy: Proxy) -> None:
    url = f"wss://127.0.0.1:{proxy.port}/ob/api/ws/NOISEBOTS/venues/TESTEX/"
    with (
        connect(f"{url}tickertape", ssl=proxy.trust, compression=None) as ticker,
        connect(f"{url}executions", ssl=proxy.trust, additional_headers=KEY) as executions,
    ):
        for direction in ("buy", "sell"):
            order = ORDER | {"direction": direction, "price": 4321}
            assert proxy.ask("POST", ORDERS, order, KEY)[0] == 200
        tick = json.loads(ticker.recv(PATIENCE))
        assert tick["ok"] is True and tick["quote"]["venue"] == "TESTEX"
        execution = json.loads(executions.recv(PATIENCE))
        assert execution["account"] == "NOISEBOTS" and execution["filled"] > 0


def test_the_tape_keeps_its_own_door_behind_the_proxy(proxy: Proxy) -> None:
    url = f"wss://127.0.0.1:{proxy.port}/ob/api/ws/NOISEBOTS/venues/TESTEX/executions"
    with connect(url, ssl=proxy.trust) as refused:
        assert json.loads(refused.recv(PATIENCE))["ok"] is False
        with pytest.raises(Exception, match="1008"):
            refused.recv(PATIENCE)
