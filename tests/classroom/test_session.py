"""What the prompt does and says, and how a class ends: well, or because one of its programs did."""

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from class_market import class_market
from live import Started
from nginx import require_nginx
from ports import free_port
from raw_http import wait_until

from disorderbook.classroom import session
from disorderbook.classroom.addresses import can_listen
from disorderbook.classroom.children import CannotRun
from disorderbook.classroom.creation import NewClass, make_class
from disorderbook.classroom.folder import ClassFolder
from disorderbook.classroom.plan import ClassPlan
from disorderbook.classroom.session import (
    Session,
    Terminal,
    lead,
    reached_at,
    score_lines,
    status_lines,
)
from disorderbook.cli.main import main


def test_words_lead_to_the_round_that_is_meant(tmp_path: Path) -> None:
    with class_market(tmp_path / "class", "ADA") as market:
        rounds = market.rounds()
        with pytest.raises(ValueError, match="No round is on"):
            lead(rounds, "pause")
        assert lead(rounds, "create") == "Round 1, First is created."
        assert lead(rounds, "start") == "Round 1, First runs for 2 minutes."
        assert "paused with 2:00 left" in lead(rounds, "pause")
        assert lead(rounds, "resume") == "Round 1, First goes on."
        assert lead(rounds, "next") == (
            "Round 1, First has ended. Round 2, Round 2 runs for 1 minute."
        )
        assert lead(rounds, "end") == "Round 2, Round 2 has ended."
        assert lead(rounds, "start", 3) == "Round 3, Alone? runs for 1 minute."
        market.now += 15
        assert [*status_lines(rounds)] == [
            "  1  First                           ended  (ROUND1: ACME, GLOBEX)",
            "  2  Round 2                         ended  (ROUND2: WORTH)",
            "  3  Alone?                          running, 0:45 left  (the level first_steps)",
        ]
        with pytest.raises(ValueError, match="No round is left"):
            lead(rounds, "next")


def test_scores_are_cut_where_they_are_many(tmp_path: Path) -> None:
    names = [f"STUDENT{number:02}" for number in range(12)] + ["W" * 255]
    with class_market(tmp_path / "class", *names) as market:
        lines = [*score_lines(market.rounds(), names, 10)]
        assert len(lines) == 12 and lines[-1] == "    and 3 more (`scores all`)"
        everybody = [*score_lines(market.rounds(), names)]
        assert len(everybody) == 14 and max(map(len, everybody)) < 100
        assert [line for line in everybody if f" {'W' * 31}… " in line], "what is cut looks so"


def test_what_is_said_takes_the_place_of_the_prompt(capsys: pytest.CaptureFixture[str]) -> None:
    for is_typed_at, told in (
        (True, "hello\nclass> \rhi     \nclass> \rtime is up\nagain\n"),
        (False, "hello\nhi\ntime is up\nagain\n"),
    ):
        terminal = Terminal(is_typed_at)
        for line in ("hello", "hi", "time is up"):
            terminal.say(line)
            if line != "time is up":
                terminal.ask()
                terminal.ask()
        terminal.say("again")
        assert capsys.readouterr().out == told


def test_no_bots_stand_among_the_students_on_the_projector(tmp_path: Path) -> None:
    make_class(tmp_path / "class", NewClass(["ADA"], ["192.0.2.1"], port=80))
    plan = ClassFolder(tmp_path / "class").plan()
    assert session.projected_at(plan.url, {"NOISE", "A&B #1"}, plan.rounds[0]) == (
        "http://192.0.2.1/scores?venue=ROUND1&without=A%26B+%231&without=NOISE"
    )


def test_it_is_said_by_which_addresses_others_come(tmp_path: Path) -> None:
    make_class(tmp_path / "class", NewClass(["ADA"], ["192.0.2.1", "exchange.example"], port=80))
    folder = ClassFolder(tmp_path / "class")
    told = [*reached_at(folder.plan(), ["192.0.2.1", "192.0.2.9"], folder)]
    assert told == [
        "Others reach it at",
        "  http://192.0.2.1/  (on the cards)",
        "  http://exchange.example/",
        "  http://192.0.2.9/",
    ]
    *_, warning, command = reached_at(folder.plan(), ["192.0.2.9"], folder)
    assert "The cards say 192.0.2.1, which is no address of this machine now" in warning
    assert command == f"  disorderbook class cards {folder.path} --host 192.0.2.9"
    (alone,) = reached_at(folder.plan(), [], folder)
    assert "no address in a network now: nobody else can reach it" in alone


@pytest.mark.parametrize(
    ("tls", "old", "new", "place", "hosts"),
    [
        (False, "port = 80", "port = 8080", "http://192.0.2.1:8080", ""),
        (False, '["192.0.2.1"', '["other.example"', "http://other.example", ""),
        (True, "port = 443", "port = 444", "https://192.0.2.1:444", " --host 192.0.2.1"),
    ],
)
def test_it_is_said_that_cards_are_older_than_the_class_file(
    tls: bool, old: str, new: str, place: str, hosts: str, tmp_path: Path
) -> None:
    path, port = tmp_path / "class", 443 if tls else 80
    make_class(path, NewClass(["A <&>", "BOB"], ["192.0.2.1"], port=port, tls=tls))
    folder = ClassFolder(path)
    before = folder.plan().url
    assert "are old" not in "".join(reached_at(folder.plan(), ["192.0.2.1"], folder))
    folder.plan_file.write_text(folder.plan_file.read_text().replace(old, new, 1))
    told = [*reached_at(folder.plan(), ["192.0.2.1"], folder)]
    assert told[-1] == (
        f"The cards in {folder.cards_file} are old: they lead to {before}, and the class is at"
        f" {place} now. Make them anew, and hand them out: disorderbook class cards {path}{hosts}"
    )
    assert not any("on the cards" in line for line in told)
    assert "cards say" not in "".join(reached_at(folder.plan(), ["192.0.2.7"], folder))
    folder.cards_file.unlink()
    assert "are old" not in "".join(reached_at(folder.plan(), ["192.0.2.1"], folder))


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        make_class(tmp_path / "class", NewClass(["ADA"], ["192.0.2.1"], exchange_port=port))
        folder = ClassFolder(tmp_path / "class")
        with pytest.raises(CannotRun, match=f"Something else has port {port}: "):
            Session(folder, print).run()
    assert not folder.logs.exists() and not folder.market_file.exists()


def test_a_port_that_is_not_allowed_is_no_port_that_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    make_class(tmp_path / "class", NewClass(["ADA"], ["192.0.2.1"], port=80))
    monkeypatch.setattr("socket.socket.bind", refuse)  # root may have any
    with pytest.raises(CannotRun, match="Port .* is for root only here; "):
        Session(ClassFolder(tmp_path / "class"), print).run()


def small_class(path: Path) -> ClassPlan:
    """A class with one bot, in its second round."""
    ports = free_port(), free_port()  # other tests are making classes, too
    make_class(path, NewClass(["ADA"], ["127.0.0.1"], *ports))
    text = (path / "class.toml").read_text()
    text = text[: text.index("opponents")] + (
        '[[round]]\ntitle = "Short"\nstocks = ["ACME"]\nminutes = 0.02\n'
        '[[round]]\ntitle = "Long"\nstocks = ["GLOBEX"]\nopponents = ["noise"]\n'
    )
    (path / "class.toml").write_text(text)
    return ClassFolder(path).plan()


@contextmanager
def class_started(path: Path) -> Iterator[Started]:
    process = Started(sys.executable, "-m", "disorderbook", "class", "start", str(path))
    try:
        process.wait_for("Type help, or start")
        yield process
    finally:
        process.end()


def children_of(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["nginx", "disorderbook"])
def test_when_one_program_ends_all_do_and_it_is_said_which(tmp_path: Path, victim: str) -> None:
    require_nginx()
    plan = small_class(tmp_path / "class")
    with class_started(tmp_path / "class") as started:
        children = children_of(started.pid)
        (found,) = [
            pid
            for pid in children
            if victim in (words := Path(f"/proc/{pid}/cmdline").read_text()) and "bots" not in words
        ]
        os.kill(found, signal.SIGKILL)
        name = "nginx" if victim == "nginx" else "The exchange"
        started.wait_for(f"disorderBook: {name} has ended: ")
        assert started.wait() == 2
    assert not any(map(is_alive, children)) and "Traceback" not in started.log()
    assert can_listen(plan.port) and can_listen(plan.exchange_port)  # no worker is left


@pytest.mark.slow
def test_a_round_ends_by_itself_and_a_signal_ends_the_class(tmp_path: Path) -> None:
    """Without nginx, where it is said how to get it."""
    path = tmp_path / "class"
    small_class(path)
    with without_nginx(path) as started:
        assert main(["class", "round", "next", str(path)]) == 0  # another terminal
        started.wait_for("Time is up in Round 1, Short")
        started.wait_for("Round 1, Short has ended.")
        assert main(["class", "round", "start", str(path), "2"]) == 0
        assert wait_until(lambda: len(children_of(started.pid)) == 2)  # the exchange, and bots
        children = children_of(started.pid)
        assert started.end(signal.SIGINT) == 0
    log = started.log()
    assert "sudo apt install nginx" in log and "Round 2, Long is paused with" in log
    assert log.endswith("The class has ended.\n") and not any(map(is_alive, children))
    states = json.loads((path / "rounds.json").read_bytes())
    assert [states[number]["phase"] for number in "12"] == ["ended", "paused"]


@contextmanager
def without_nginx(path: Path) -> Iterator[Started]:
    script = (
        "import sys\nfrom disorderbook.classroom import session\n"
        "from disorderbook.cli import main\n"
        "session.nginx_program = lambda: None\n"
        "sys.exit(main.main(sys.argv[1:]))"
    )
    process = Started(sys.executable, "-c", script, "class", "start", str(path), "--auto")
    try:
        process.wait_for("Type help, or start")
        yield process
    finally:
        process.end()


def test_what_is_typed_is_obeyed_or_explained(tmp_path: Path) -> None:
    with class_market(tmp_path / "class", "ADA") as market:
        said: list[str] = []
        running = Session(market.folder, said.append)
        for line in ("", "help", "start", "scores all", "pause 7", "strat", "pause x", "quit"):
            running._obey(line)
        text = "\n".join(said)
        assert session.HELP in said and "Round 1, First runs for 2 minutes." in said
        assert "There is no round 7" in text and "'x' is no number of a round" in text
        assert "'strat' is nothing that can be done here:" in said
        assert "running" not in said[0] and not running._is_running
        again = Session(market.folder, said.append)
        again._obey("end")
        again._greet(True)
        (shown,) = [line for line in said if "/scores?" in line]
        assert "//127.0.0.1:" in shown and "?venue=ROUND2" in shown  # the round that is next
        again._obey(None)  # the end of a terminal's input
        assert not again._is_running


def test_with_tls_a_class_without_a_certificate_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_class(tmp_path / "class", NewClass(["ADA"], ["192.0.2.1"]))
    folder = ClassFolder(tmp_path / "class")
    folder.plan_file.write_text(folder.plan_file.read_text().replace("tls = false", "tls = true"))
    monkeypatch.setattr(session, "nginx_program", lambda: "nginx")
    with pytest.raises(ValueError, match="class.pem is not there. Make it"):
        Session(folder, print).run()
