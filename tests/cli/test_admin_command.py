"""`disorderbook admin`: a line, and a status, for each action and each way in which it fails."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from administered import KEY, STUDENTS
from tls_front import tls_front

from disorderbook.admin.routes import ADMIN, ADMIN_ROUTES
from disorderbook.cli import admin_command
from disorderbook.cli.main import main
from disorderbook.client import Market
from disorderbook.in_process import PrivateExchange, serve


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The command line has signals of its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def exchange() -> Iterator[PrivateExchange]:
    with serve(accounts=STUDENTS, admin_key=KEY) as exchange:
        yield exchange


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "admin.key"
    path.write_text(f"{KEY}\n", encoding="utf-8")
    return path


def ended(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The status, and what is printed in the one place where something is."""
    try:
        status = main(["admin", *arguments])
    except SystemExit as fault:
        status = int(str(fault.code))
    out, err = capsys.readouterr()
    assert not (out and err)
    return status, (out if status == 0 else err).strip()


def test_each_action_says_in_a_line_that_it_was_done(
    capsys: pytest.CaptureFixture[str], exchange: PrivateExchange, key_file: Path
) -> None:
    def do(*words: str) -> str:
        status, line = ended(capsys, "--url", exchange.url, "--key-file", str(key_file), *words)
        assert status == 0 and "\n" not in line, (words, line)
        return line

    done = {
        ("open", "ROUND1", "ACME", "--halted"): "ACME at ROUND1 is open",
        ("halt", "TESTEX", "FOOBAR", "--reason", "lunch"): "FOOBAR at TESTEX: halted",
        ("halt", "TESTEX"): "All of TESTEX: halted",
        ("resume", "TESTEX"): "All of TESTEX: orders are taken",
        ("cancel", "ANN"): "1 orders of ANN cancelled",
        ("cancel", "ANN", "TESTEX", "FOOBAR"): "0 orders of ANN cancelled",
        ("settle", "TESTEX", "FOOBAR", "--price", "0"): "FOOBAR at TESTEX: settled",
        ("reset", "TESTEX", "FOOBAR"): "FOOBAR at TESTEX begins anew",
        ("settle", "TESTEX", "--price", "7"): "All of TESTEX: settled",
        ("expel", "BOB"): "BOB is expelled, 0 orders cancelled",
        ("announce", "Hello {stock}"): "Announced: Hello {stock}",
        ("countdown", "60", "Round 1"): "60 seconds are counted down",
        ("reveal", "TESTEX"): "The scores of TESTEX are shown",
        ("freeze", "TESTEX"): "The scores of TESTEX are frozen",
    }
    with Market("TESTEX", "FOOBAR", "ANN", "annkey", exchange.url) as market:
        market.buy(100, 1)
    assert {words[0] for words in done} | {"add", "rekey", "status"} == {
        each.name for each in admin_command.ACTIONS
    }
    for words, line in done.items():
        assert do(*words) == line
    for action in ("add", "rekey"):
        *said, key = do(action, "CAROL").split()
        assert " ".join(said) == "CAROL has the key"
        with Market("ROUND2", "ACME", "CAROL", key, exchange.url) as market:
            assert market.buy(100, 1).account == "CAROL"
    _, told = ended(capsys, "--url", exchange.url, "--key-file", str(key_file), "status")
    halted, settled, frozen, announced, countdown, accounts, *actions = told.splitlines()
    assert halted == "halted: ACME at ROUND1: the exchange's owner has halted it"
    assert settled == "settled: FOOBAR at TESTEX: 7 cents"
    assert frozen == "frozen: the scores of TESTEX"
    assert announced == "announced: Hello {stock}" and countdown.startswith("countdown: ")
    assert accounts == "2 accounts: ANN, CAROL"
    assert len(actions) == len(done) + 3 and actions[-1].endswith("Z rekey: CAROL")


def test_every_route_has_its_action() -> None:
    paths = {path for _, path, _ in ADMIN_ROUTES if path != ADMIN}
    names = {action.name for action in admin_command.ACTIONS if action.name != "status"}
    assert {path.removeprefix(f"{ADMIN}/") for path in paths} == names


def test_what_is_refused_is_a_sentence_and_a_status(
    capsys: pytest.CaptureFixture[str], exchange: PrivateExchange, key_file: Path
) -> None:
    place = ("--url", exchange.url, "--key-file", str(key_file))
    status, line = ended(capsys, *place, "halt", "NOWHERE", "FOOBAR")
    assert status == admin_command.NOT_DONE
    assert line.startswith("disorderBook: Venue NOWHERE does not exist (create it by using it) (")
    wrong = key_file.with_name("wrong.key")
    wrong.write_text("annkey\n")
    assert ended(capsys, *place[:2], "--key-file", str(wrong), "status") == (
        admin_command.NOT_DONE,
        "disorderBook: This needs the admin's key (see --admin-key-file) (the admin's key is "
        "missing or another; allowed: the one line of that file)",
    )
    nobody = ended(capsys, "--url", "http://127.0.0.1:1", "--key-file", str(key_file), "status")
    assert nobody[0] == admin_command.NOT_DONE and "No answer to GET" in nobody[1]


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (("--key-file", "nowhere.key", "status"), "Cannot read the admin's key file nowhere.key"),
        (("status",), "Cannot read the admin's key file admin.key: No such file or directory (--"),
        (("--url", "nothing", "--key-file", "good.key", "status"), "'nothing' is no address"),
        (("--ca", "no.pem", "--key-file", "good.key", "status"), "holds no certificates to trust"),
        (("settle", "V", "S", "--price", "-1"), "argument --price"),
        (("settle", "V", "S", "--price", "2147483648"), "argument --price"),
        (("countdown", "86401"), "argument SECONDS"),
        (("reset", "V"), "the following arguments are required: SYMBOL"),
        (("dance",), "argument ACTION: invalid choice: 'dance'"),
        ((), "the following arguments are required: ACTION"),
    ],
)
def test_wrong_options_are_one_sentence(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    complaint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.key").write_text("a key\n")
    status, line = ended(capsys, *arguments)
    assert status == 2 and complaint in line and "\n" not in line


def test_the_key_is_in_a_file_that_the_environment_names_or_in_this_folder(
    capsys: pytest.CaptureFixture[str],
    exchange: PrivateExchange,
    key_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(key_file.parent)
    assert ended(capsys, "--url", exchange.url, "status")[0] == 0
    moved = key_file.rename(key_file.with_name("other"))
    assert ended(capsys, "--url", exchange.url, "status")[0] == 2
    monkeypatch.setitem(os.environ, admin_command.KEY_FILE_VARIABLE, str(moved))
    assert ended(capsys, "--url", exchange.url, "status")[0] == 0


def test_a_self_signed_certificate_can_be_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, key_file: Path
) -> None:
    with serve(websockets=True, admin_key=KEY) as exchange, tls_front(exchange, tmp_path) as front:
        place = ("--url", front.url, "--key-file", str(key_file))
        assert ended(capsys, *place, "--ca", str(front.ca), "halt", "TESTEX") == (
            0,
            "All of TESTEX: halted",
        )
        status, line = ended(capsys, *place, "resume", "TESTEX")
        assert status == admin_command.NOT_DONE and "is not trusted: self-signed" in line


@pytest.mark.parametrize("action", [each.name for each in admin_command.ACTIONS])
def test_each_action_explains_itself(capsys: pytest.CaptureFixture[str], action: str) -> None:
    status, text = ended(capsys, action, "--help")
    assert status == 0 and text.startswith(f"usage: disorderbook admin {action}")
