"""An afternoon from `class make` to `scores.csv`: thirty traders on another machine, a leader who
cheats with and without rules, and a teacher.
"""

import csv
import functools
import html
import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live import Started
from namespace import OtherMachine, other_machine
from nginx import require_nginx
from ports import free_port
from program import ROOT
from raw_http import wait_until

from disorderbook.classroom.cards import Card
from disorderbook.classroom.changes import add_student, connection_of
from disorderbook.classroom.folder import ClassFolder
from disorderbook.classroom.rounds import Rounds
from disorderbook.cli.main import main

TRADERS = ROOT / "tests" / "support" / "class_traders.py"
BILLION = 10**11  # cents
ROUNDS = """
[[round]]
title = "Without rules"
stocks = ["ACME"]
minutes = 10
settle = 5000
[[round]]
title = "With rules"
stocks = ["GLOBEX"]
opponents = ["market-maker"]
seed = 7
minutes = 10
[round.rules]
largest_order = 1000
open_orders = 15
orders_per_second = 10
position_limit = 2000
band = 10
start_price = 5000
self_trade = "refuse"
"""


class Afternoon:
    """A class that runs, and the machine of its students."""

    def __init__(self, folder: ClassFolder, machine: OtherMachine) -> None:
        self.folder, self.machine = folder, machine
        self.plan = folder.plan()
        self.connection = connection_of(folder, self.plan)
        self.rounds = Rounds(folder, self.plan, self.connection)
        self.leader = "STUDENT01"

    def on_the_other_machine(self, *command: str) -> str:
        """What a command prints there."""
        ended = subprocess.run(
            [*self.machine.prefix, "env", f"PYTHONPATH={ROOT}", *command],
            cwd=self.folder.path.parent,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def traders(self, venue: str, stock: str, what: str, *accounts: str) -> Any:
        """What class_traders.py tells of these accounts there."""
        known = self.folder.students()
        keys = {name: known[name] for name in accounts or known}
        process = self._traders
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps([venue, stock, what, keys]) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    @functools.cached_property
    def _traders(self) -> "subprocess.Popen[str]":
        """Ends when its input does."""
        pipe = subprocess.PIPE
        command = [*self.machine.prefix, sys.executable, str(TRADERS), self.plan.url]
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)

    def end_traders(self) -> None:
        with self._traders:
            pass

    def worth(self, venue: str, account: str) -> int | None:
        """Net asset value in cents, as the teacher sees it."""
        scores = self.connection.scores(venue)["scores"]
        return next((each["nav"] for each in scores if each["account"] == account), None)

    def quote(self, venue: str, stock: str) -> Any:
        url = f"{self.connection.url}/ob/api/venues/{venue}/stocks/{stock}/quote"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)


@pytest.fixture
def machine() -> Iterator[OtherMachine]:
    require_nginx()
    with other_machine() as machine:
        yield machine


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_an_afternoon(machine: OtherMachine, tmp_path: Path, tls: bool) -> None:
    path = tmp_path / "class"
    made = ["--students", "30", "--out", str(path), "--host", machine.here]
    made += ["--port", str(free_port()), "--exchange-port", str(free_port())]
    assert main(["class", "make", *made, *(["--tls"] if tls else [])]) == 0
    folder = ClassFolder(path)
    text = folder.plan_file.read_text()
    folder.plan_file.write_text(text[: text.index("opponents")] + ROUNDS)
    started = Started(sys.executable, "-m", "disorderbook", "class", "start", str(path))
    try:
        started.wait_for("Type help, or start")
        if machine.prefix:
            assert f"{folder.plan().url}/  (on the cards)" in started.log()
        afternoon = Afternoon(folder, machine)
        try_the_cards(afternoon)
        if not tls:
            play(afternoon)
            afternoon.end_traders()
        assert started.end(signal.SIGINT) == 0
    finally:
        started.kill()
    log = (folder.nginx / "exchange.log").read_text()
    assert f"\n{machine.there} [" in log or log.startswith(f"{machine.there} [")
    assert not any(key in log for key in folder.accounts().values())
    if not tls:
        end(afternoon)


def try_the_cards(afternoon: Afternoon) -> None:
    """Each line of a card works as it stands there, on the student's machine."""
    page = afternoon.folder.cards_file.read_text()
    card = page[page.index(f"<h2>{afternoon.leader}") :]
    lines = re.findall(r"(?s)<pre>(.*?)</pre>", card)[: 5 if afternoon.plan.tls else 3]
    *certificate, address, curl, python = (html.unescape(re.sub("<wbr>", "", x)) for x in lines)
    if certificate:
        fetch, trust = certificate
        told = afternoon.on_the_other_machine("bash", "-ec", fetch)
        (fingerprint,) = re.findall(r'(?s)<p class="fingerprint">(.*?)</p>', card)[:1]
        assert told.strip().endswith("=" + re.sub(r"<.*?>|\s", "", fingerprint))
        line = f"{trust}; curl -s {address} && {curl_of_page(curl)}"
        assert '"open":true' in afternoon.on_the_other_machine("bash", "-c", line)
    assert '"open":true' in afternoon.on_the_other_machine("bash", "-ec", curl)
    assert afternoon.on_the_other_machine(sys.executable, "-c", python) == "True\n"
    if not certificate:
        assert "<!DOCTYPE html>" in afternoon.on_the_other_machine("curl", "-s", address)


def curl_of_page(curl: str) -> str:
    """A line without the certificate, as the pages have them."""
    return re.sub(r"--cacert \S+ \\\n", "", curl)


def play(afternoon: Afternoon) -> None:
    rounds, leader = afternoon.rounds, afternoon.leader
    keep_to_the_classs_own_books(afternoon)

    # Without rules a leader gets rich by a trade with himself; a stated price ends that.
    rounds.start(1)
    assert afternoon.traders("ROUND1", "ACME", "trade") == {"200": 120}
    assert afternoon.traders("ROUND1", "ACME", "cheat", leader)["share with himself"][0] == 200
    worth = afternoon.worth("ROUND1", leader)
    assert worth is not None and worth > BILLION
    rounds.pause(1)
    assert afternoon.traders("ROUND1", "ACME", "trade", leader) == {"403": 4}
    rounds.resume(1)
    assert afternoon.connection.act("cancel", account=leader)["cancelled"] > 0
    late = add_student(afternoon.folder, "Zoë <late>")
    assert afternoon.folder.students()["Zoë <late>"] == late
    assert afternoon.traders("ROUND1", "ACME", "trade", "Zoë <late>") == {"200": 4}
    rounds.end(1)
    assert abs(rounds.scores(1)[leader]) < 10**8 and len(rounds.scores(1)) == 31

    # With rules every attempt is refused, in a sentence, or comes to nothing.
    cheat = "STUDENT02"
    rounds.start(2)
    assert wait_until(lambda: "bid" in afternoon.quote("ROUND2", "GLOBEX"))
    assert afternoon.traders("ROUND2", "GLOBEX", "trade") == {"200": 124}
    attempts = afternoon.traders("ROUND2", "GLOBEX", "cheat", cheat)
    assert {name: status for name, (status, _) in attempts.items()} == {
        "sweep": 403,  # it would reach his own offer
        "offer to himself": 400,
        "share with himself": 400,
        "huge order": 400,
        "offer": 200,
        "self trade": 403,
        "too many": 429,
    }
    assert all(detail for status, detail in attempts.values() if status != 200)
    worth = afternoon.worth("ROUND2", cheat)
    assert worth is not None and abs(worth) < 10**8

    # The teacher: expel, reset, settle.
    key = afternoon.folder.students()[cheat]
    afternoon.connection.act("expel", account=cheat)
    assert cheat not in afternoon.folder.accounts()
    card = Card(cheat, key, afternoon.plan.url, "")
    assert '"ok":false' in afternoon.on_the_other_machine("bash", "-ec", card.curl)
    assert afternoon.worth("ROUND2", cheat) is None
    afternoon.connection.act("reset", venue="PRACTICE", symbol="FOOBAR")
    assert "bid" not in afternoon.quote("PRACTICE", "FOOBAR")
    rounds.end(2)
    assert cheat not in rounds.scores(2)


def keep_to_the_classs_own_books(afternoon: Afternoon) -> None:
    """Nobody opens a stock beside a round's; what is the teacher's does not go through nginx."""
    for venue, stock in (("ROUND1", "MINE"), ("MINE", "MINE")):
        assert "200" not in afternoon.traders(venue, stock, "trade", afternoon.leader)
    assert afternoon.connection.scores("ROUND1")["stocks"] == [{"symbol": "ACME"}]
    key = f"X-Starfighter-Authorization: {afternoon.folder.admin_key()}"
    for path in ("/metrics", "/admin", "/api/v1/admin", "/api/v1/%61dmin", "//api/v1/admin/halt"):
        asked = ("curl", "-s", "-H", key, afternoon.plan.url + path)
        assert "No such path" in afternoon.on_the_other_machine(*asked)


def end(afternoon: Afternoon) -> None:
    folder = afternoon.folder
    students = set(folder.students())
    assert main(["class", "end", str(folder.path), "--wipe"]) == 0
    with (folder.results / "totals.csv").open(encoding="utf-8", newline="") as file:
        totals = list(csv.DictReader(file))
    assert {row["account"] for row in totals} == students and len(students) == 30
    for row in totals:
        assert int(row["total"]) == int(row["round1"] or 0) + int(row["round2"] or 0)
    with (folder.results / "scores.csv").open(encoding="utf-8", newline="") as file:
        assert students <= {row["account"] for row in csv.DictReader(file)}
    left = {str(each.relative_to(folder.path)) for each in folder.path.rglob("*") if each.is_file()}
    assert {"class.toml", "results/scores.csv", "results/totals.csv"} <= left
    assert all(each == "class.toml" or each.startswith("results/") for each in left)
