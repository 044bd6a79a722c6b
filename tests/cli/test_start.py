"""An exchange that was started from the command line: what it prints and how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from level_player import HttpClient
from live import killed, running
from program import ROOT, refused, start
from raw_websocket import RawPeer, handshake
from wsgi import BUY

from disorderbook.assembly import MarketSettings
from disorderbook.cli import start as cli
from disorderbook.cli.main import make_parser
from disorderbook.protocol.names import HOST


def test_a_database_that_has_as_many_books_as_allowed_opens_no_other(tmp_path: Path) -> None:
    options = ["-p", "0", "-b", "1", "-d", str(tmp_path / "market.db")]
    with running(*options, "-s", "OTHER"):
        pass
    assert "Cannot open FOOBAR at TESTEX: Book limit exceeded" in refused(*options, "-v", "TESTEX")


def test_a_server_that_is_not_installed_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "waitress.py").write_text("raise ModuleNotFoundError('there is none')\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    ended = start("-p", "0", "--server", "waitress", env=environment)
    assert ended.returncode == 2 and ended.stderr == (
        "disorderBook: The server waitress is not installed; "
        "run: pip install 'disorderbook[waitress]'\n"
    )


@pytest.mark.parametrize("name", ["gunicorn", "wsgiref", "cgi", "nonsense"])
def test_a_server_that_is_not_ours_nor_waitress_is_refused_in_one_sentence(name: str) -> None:
    assert f"argument --server: invalid choice: '{name}'" in refused("--server", name)


def test_a_taken_port_is_refused_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Cannot listen on port {port}: Address already in use\n" in refused("-p", str(port))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_with_status_0__difference_17(end: signal.Signals) -> None:
    with running() as exchange:
        with urllib.request.urlopen(f"{exchange.url}heartbeat") as answer:
            assert answer.status == 200
        assert exchange.process.end(end) == 0
    assert "Traceback" not in exchange.log()


def test_a_signal_after_the_end_leaves_the_status_0__difference_17() -> None:
    late = """if True:
        import os, signal, sys
        from disorderbook.cli import start
        from disorderbook.cli.main import main
        start.greet = lambda *_: os.kill(os.getpid(), signal.SIGINT)
        status = main(["-p", "0"])
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), number)
        sys.exit(status)
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", late], capture_output=True, text=True, timeout=60, env=environment
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_waitress_can_be_chosen_and_the_tape_hears_its_orders() -> None:
    with running("--server", "waitress", "-w", "--wsport", "0") as exchange:
        found = exchange.process.wait_for(r"ws://127\.0\.0\.1:(\d+)(/ob/api/ws/)")
        path = f"{found[2]}ANN/venues/TESTEX/tickertape"
        with RawPeer(exchange.port) as lost:  # difference 27
            lost.send(handshake(path))
            answer = lost.answer()
            assert answer.status == 501
            assert f"websockets are on port {found[1]}" in lost.body(answer).decode()
        with RawPeer.listening(int(found[1]), path) as peer:
            url = f"{exchange.url}venues/TESTEX/stocks/FOOBAR/orders"
            with urllib.request.urlopen(url, json.dumps(BUY).encode()) as answer:
                assert answer.headers["Server"] == "disorderBook"
            frame = peer.frame()
            assert frame is not None
            assert json.loads(frame.payload)["quote"]["bid"] == BUY["price"]


def test_waitress_holds_the_answer_to_a_levels_start_until_its_first_day_is_traded() -> None:
    with running("--server", "waitress") as exchange:
        client = HttpClient(exchange.port)
        level = client.start("first_steps", None)
        (venue,), (stock,) = level["venues"], level["tickers"]
        quote = client.get(f"/ob/api/venues/{venue}/stocks/{stock}/quote", None)
        assert quote["bid"] and quote["ask"] and quote["last"]
        again = client.post(f"/gm/instances/{level['instanceId']}/restart", None)
        assert again["venues"] != level["venues"] and again["balances"] == {"USD": 0}


def test_a_port_that_was_just_in_use_can_be_used_again() -> None:
    with running() as exchange:
        urllib.request.urlopen(f"{exchange.url}heartbeat").close()
    with running("-p", str(exchange.port)) as again:
        assert again.port == exchange.port


def test_the_tape_is_told_of_what_is_traded_and_ends_with_everything_else() -> None:
    with running("-w", "--wsport", "0") as exchange:
        found = exchange.process.wait_for(r"ws://127\.0\.0\.1:(\d+)(/ob/api/ws/)")
        path = f"{found[2]}ANN/venues/TESTEX/executions"
        with RawPeer.listening(int(found[1]), path) as peer:
            for direction in ("buy", "sell"):
                order = json.dumps(
                    {
                        "account": "ANN",
                        "direction": direction,
                        "qty": 1,
                        "price": 100,
                        "orderType": "limit",
                    }
                )
                url = f"{exchange.url}venues/TESTEX/stocks/FOOBAR/orders"
                urllib.request.urlopen(url, order.encode()).close()
            for order_id in (0, 1):
                got = peer.frame()
                assert got is not None and json.loads(got.payload)["order"]["id"] == order_id
            assert exchange.process.end(signal.SIGTERM) == 0
            closing = peer.frame()
            assert closing is not None and closing.code == 1001
    assert "Traceback" not in exchange.log()


def test_without_the_option_there_is_no_tape() -> None:
    with running() as exchange:
        assert "ws://" not in exchange.log()


def test_a_taken_port_of_the_tape_is_refused_in_one_sentence() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        refusal = refused("-p", "0", "-w", "--wsport", str(port))
        assert f"Cannot listen on port {port}: Address already in use\n" in refusal


def test_a_market_that_has_books_is_offered_as_it_is(tmp_path: Path) -> None:
    file = str(tmp_path / "market.db")
    with running("-d", file, "-v", "NYSE", "-s", "ACME"):
        pass
    with running("-d", file, "--maxbooks", "1") as exchange:
        assert "venues/NYSE/stocks/ACME/orders" in exchange.log()
        with urllib.request.urlopen(f"{exchange.url}venues") as answer:
            assert [venue["venue"] for venue in json.load(answer)["venues"]] == ["NYSE"]


def test_where_no_temporary_file_can_be_written_it_is_said_at_the_start() -> None:
    nothing_written = ("bash", "-c", 'ulimit -f 0; exec "$@"', "limited")
    with killed(wrapper=nothing_written) as exchange:
        exchange.process.wait_for("No temporary file can be written")
    with running() as exchange:
        assert "temporary" not in exchange.log()


@pytest.mark.parametrize("name, why", [(":memory:", "is no file"), ("/dev/null", "it is a device")])
def test_what_cannot_be_a_database_is_refused_in_one_sentence(name: str, why: str) -> None:
    assert why in refused("-p", "0", "-d", name)


def test_the_admins_key_is_asked_for_where_it_is_needed(tmp_path: Path) -> None:
    accounts, key = tmp_path / "accounts.json", tmp_path / "admin.key"
    accounts.write_text('{"ANN": "annkey"}')
    key.write_text("adminkey\n")

    def settings(*options: str) -> MarketSettings:
        return cli._settings(make_parser().parse_args(["-a", str(accounts), *options]))

    for needing in (["--control"], ["--clock", "stepped"], ["--clock", "requests:50ms"]):
        with pytest.raises(cli.CannotStart, match="need --admin-key-file"):
            settings(*needing)
        assert settings(*needing, "--admin-key-file", str(key)).admin_key == "adminkey"
    assert settings("--speed", "50").admin_key is None
    with pytest.raises(cli.CannotStart, match="No such file"):
        settings("--admin-key-file", str(tmp_path / "none"))
    key.write_text("two\nlines")
    with pytest.raises(cli.CannotStart, match="must hold the key in one line"):
        settings("--admin-key-file", str(key))
    key.write_text("annkey")
    options = ["-p", "0", "-a", str(accounts), "--admin-key-file", str(key)]
    assert "has a key that is an account's as well" in refused(*options)
