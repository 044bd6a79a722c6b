"""The recipe of docs/old-bots.md, followed as it stands there: a program that knows nothing but the
game's old addresses trades here.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import DOCS, blocks
from live import ROOT, running
from nginx import filled_in, require_nginx, running_nginx, to_port
from ports import free_port

# What a program of 2016 looks like. Nothing in it knows of this exchange.
OLD_BOT = """
import json
import requests
import websocket

headers = {"X-Starfighter-Authorization": "0123456789abcdef"}
game = "https://www.stockfighter.io/gm"
started = requests.post(game + "/levels/first_steps", headers=headers).json()
account, venue = started["account"], started["venues"][0]
base = "https://api.stockfighter.io/ob/api"
stock = requests.get(base + "/venues/" + venue + "/stocks").json()["symbols"][0]["symbol"]
tape = "wss://api.stockfighter.io/ob/api/ws/" + account + "/venues/" + venue
ticker = websocket.create_connection(tape + "/tickertape", timeout=20)
fills = websocket.create_connection(tape + "/executions", timeout=20)
order = {
    "account": account, "venue": venue, "stock": stock, "price": 0, "qty": 7,
    "direction": "buy", "orderType": "market",
}
url = base + "/venues/" + venue + "/stocks/" + stock + "/orders"
bought = 0
while bought < 7:
    order["qty"] = 7 - bought
    bought += requests.post(url, data=json.dumps(order), headers=headers).json()["totalFilled"]
told = 0
while told < 7:
    told += json.loads(fills.recv())["filled"]
state = requests.get(game + "/instances/" + str(started["instanceId"]), headers=headers).json()
assert state["ok"], state
print(bought, json.loads(ticker.recv())["quote"]["symbol"] == stock, told)
"""

# Instead of the hosts file and port 443, which belong to the machine.
RESOLVER = """
import socket

look_up = socket.getaddrinfo

def with_hosts_file(host, port, *rest, **more):
    if host in {names!r} and port in (443, "https"):
        host, port = {address!r}, {port}
    return look_up(host, port, *rest, **more)

socket.getaddrinfo = with_hosts_file
"""


def recipe(start: str) -> str:
    """The one block of the page that begins so."""
    (found,) = [
        block.text for block in blocks(DOCS / "old-bots.md") if block.text.startswith(start)
    ]
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the recipe's commands were run that make files."""
    require_nginx()
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    for start in ("openssl ", "sed "):
        command = ["bash", "-e", "-c", recipe(start)]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    return tmp_path


@pytest.fixture
def port(folder: Path) -> Iterator[int]:
    """That of nginx, before an exchange."""
    _, *options = shlex.split(recipe("disorderbook "))
    own = free_port()
    with running(*options, "--wsport", "0") as exchange:
        changes = to_port(exchange.port) | {
            "listen 443 ssl": f"listen 127.0.0.1:{own} ssl",
            "/etc/ssl/certs/exchange.pem": str(folder / "exchange.pem"),
            "/etc/ssl/private/exchange.key": str(folder / "exchange.key"),
        }
        sample = filled_in((folder / "stockfighter.conf").read_text(), changes)
        with running_nginx(folder, sample, own):
            yield own


def run_old_bot(folder: Path, port: int, command: str) -> subprocess.CompletedProcess[str]:
    address, *names = recipe("127.0.0.1 ").split()
    resolver = RESOLVER.format(names=set(names), address=address, port=port)
    (folder / "sitecustomize.py").write_text(resolver)
    (folder / "old_bot.py").write_text(OLD_BOT)
    environment = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
    }
    return subprocess.run(
        ["bash", "-c", command.replace("python3 ", f"{shlex.quote(sys.executable)} ")],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_an_unmodified_program_trades_under_the_old_names(folder: Path, port: int) -> None:
    ended = run_old_bot(folder, port, recipe("REQUESTS_CA_BUNDLE"))
    assert (ended.stdout, ended.returncode) == ("7 True 7\n", 0), ended.stderr


def test_without_the_certificate_the_program_does_not_trade(folder: Path, port: int) -> None:
    ended = run_old_bot(folder, port, "python3 old_bot.py")
    assert ended.returncode != 0 and "CERTIFICATE_VERIFY_FAILED" in ended.stderr
