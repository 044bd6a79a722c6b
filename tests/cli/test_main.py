"""The command line, as a user meets it: what it prints, what it refuses, how it ends."""

import configparser
import importlib.metadata
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from live import killed, running, started
from program import MAIN, ROOT, refused, start
from raw_websocket import RawPeer

import disorderbook
from disorderbook.accounts import Accounts
from disorderbook.assembly import Wanted, open_services, running_tape
from disorderbook.cli import main as cli
from disorderbook.cli.options import make_parser
from disorderbook.ledger.file import open_ledger
from disorderbook.protocol.names import HOST


@pytest.mark.parametrize(
    "options, complaint",
    [
        (["-p", "x"], "'x' is no integer from 0 to 65535"),
        (["-p", "65536"], "no integer from 0"),
        (["-p", "-1"], "-p"),
        (["-p", "0" * 9 + "99999"], "no integer"),
        (["-v", "\udcff"], "can be printed"),
        (["-b", "0"], "no integer from 1"),
        (["-b", "9" * 50], "no integer"),
        (["-v", ""], "1 to 255 characters"),
        (["-s", "N" * 256], "1 to 255"),
        (["-v", "a/b"], "slash"),
        (["--server", "nonsense"], "nonsense"),
        (["--nonsense"], "unrecognized"),
        (["extra"], "invalid choice: 'extra'"),
        (["-a", "/nonexistent"], "No such file"),
        (["backup", "README.md"], "required: COPY"),
        (["backup", "README.md", "COPY"], "README.md is no database"),
        (["backup", "nowhere.db", "COPY"], "nowhere.db does not exist"),
        (["-a", "."], "directory"),
        (["-a", "README.md"], "not valid JSON"),
        (["--wsport", "1.5"], "no integer"),
        (["--log-level", "loud"], "invalid choice: 'loud'"),
        (["-d", "README.md"], "README.md is no database"),
        (["-d", "."], "a directory"),
        (["--sync"], "--sync needs --database"),
        (["--export", "."], "--export needs --database"),
        (["--ports-file", "/nonexistent/ports"], "the ports file /nonexistent/ports: No such file"),
        (["--ports-file", "README.md"], "something else of that name"),
        (["--ports-file", "x", "--server", "waitress"], "--ports-file needs our own server"),
        (
            ["--allowed-host", "http://a.example"],
            "is no host name; one looks like exchange.example",
        ),
        (["-d", "README.md", "--export", "."], "README.md is no database"),
    ],
)
def test_a_bad_option_is_refused_in_one_sentence(options: list[str], complaint: str) -> None:
    assert complaint in refused(*options)


def test_a_database_that_has_as_many_books_as_allowed_opens_no_other(tmp_path: Path) -> None:
    options = ["-p", "0", "-b", "1", "-d", str(tmp_path / "market.db")]
    with running(*options, "-s", "OTHER"):
        pass
    assert "Cannot open FOOBAR at TESTEX: Book limit exceeded" in refused(*options, "-v", "TESTEX")


def test_export_writes_the_files_and_ends(tmp_path: Path) -> None:
    database = ["-d", str(tmp_path / "market.db")]
    with running(*database):
        ended = start(*database, "--export", str(tmp_path / "csv"))
    assert ended.returncode == 0 and ended.stdout.startswith("Wrote "), ended
    assert (tmp_path / "csv" / "orders.csv").read_text().startswith("venue,symbol,id,account")
    taken = str(tmp_path / "csv" / "orders.csv")
    assert f"Cannot write to {taken}" in refused(*database, "--export", taken)


def test_backup_copies_a_market_in_use_and_ends(tmp_path: Path) -> None:
    file, copy = str(tmp_path / "market.db"), str(tmp_path / "copy.db")
    with running("-d", file, "-v", "NYSE"):
        ended = start("backup", file, copy)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"Wrote {copy}\n", "")
    with running("-d", copy) as exchange:
        with urllib.request.urlopen(f"{exchange.url}venues/NYSE/stocks") as answer:
            assert answer.status == 200
    assert f"{copy} is there already" in refused("backup", file, copy)
    there = str(tmp_path / "nowhere" / "copy.db")
    assert f"Cannot write to {there}: No such file" in refused("backup", file, there)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "command, within",
    [
        (["backup", "market.db", "copy.db"], "export.check_rows"),
        (["-d", "market.db", "--export", "."], "export.write_table"),
    ],
)
def test_what_is_interrupted_does_not_end_as_if_it_had_been_done(
    tmp_path: Path,
    end: signal.Signals,
    command: list[str],
    within: str,
) -> None:
    open_ledger(str(tmp_path / "market.db"))[0].close()
    interrupted = f"""if True:
        import os, sys
        from disorderbook.cli.main import main
        from disorderbook.ledger import export
        def end(*values):
            list(values[2]) if len(values) > 2 else None
            os.kill(os.getpid(), {end})
        {within} = end
        sys.exit(main({command}))
    """
    ended = subprocess.run(
        [sys.executable, "-c", interrupted],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=20,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "disorderBook: Interrupted before all was written\n"
    assert {path.name for path in tmp_path.iterdir()} == {"market.db", "market.db-lock"}


def test_a_server_that_is_not_installed_is_refused_in_one_sentence() -> None:
    ended = start("-p", "0", "--server", "meinheld")
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert ended.stderr.startswith("disorderBook: The server meinheld is not installed")


def test_a_taken_port_is_refused_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Cannot listen on port {port}: Address already in use\n" in refused("-p", str(port))


def test_the_version_is_the_packages() -> None:
    ended = start("--version")
    assert (ended.returncode, ended.stdout) == (0, f"disorderBook {disorderbook.__version__}\n")


def test_the_version_stands_in_one_place() -> None:
    """And what is installed was built from it."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["metadata"]["version"] == "attr: disorderbook.__version__"
    assert importlib.metadata.version("disorderbook") == disorderbook.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", disorderbook.__version__)


def test_help_explains_every_option() -> None:
    ended = start("--help")
    assert ended.returncode == 0
    for option in ("--maxbooks", "--venue", "--stock", "--accounts", "--excess", "--ws_port"):
        assert option in ended.stdout


def test_without_the_packages_one_sentence_says_what_to_run(tmp_path: Path) -> None:
    alone = start(cwd=tmp_path, env={"PYTHONPATH": str(_hiding(tmp_path, "bottle"))})
    assert alone.returncode == 1 and alone.stdout == ""
    assert alone.stderr.startswith("The package bottle is not installed; run: python3 -m venv")
    assert alone.stderr.count("\n") == 1


def _hiding(folder: Path, package: str) -> Path:
    """A folder for PYTHONPATH that makes a package look as if it were not installed."""
    (folder / f"{package}.py").write_text(
        f"raise ModuleNotFoundError('there is none', name='{package}')\n"
    )
    return folder


def test_it_says_where_to_connect_and_what_to_try() -> None:
    with running("-v", "NYSE", "--stock", "A B") as exchange:
        log = exchange.log()
    assert f"disorderBook starting up on port {exchange.port}\n" in log
    assert "WITHOUT AUTHENTICATION" in log
    assert f"http://127.0.0.1:{exchange.port}/ob/api/venues/NYSE/stocks/A%20B/orders" in log
    bots = f"market-maker taker noise --url {exchange.url} --venue NYSE --symbol 'A B'\n"
    assert f"  {shlex.quote(sys.executable)} -m bots {bots}" in log


def test_it_says_how_to_start_bots_from_any_folder(tmp_path: Path) -> None:
    options = ["-p", "0", "-w", "--wsport", "0"]
    with started("env", f"--chdir={tmp_path}", sys.executable, str(MAIN), *options) as exchange:
        watching = exchange.wait_for("^  (.*watch_tape.py) ")[1]
        line = exchange.wait_for("^  (.* market-maker .*)")[1]
        ended = subprocess.run(
            line + " --orders 1",
            cwd=tmp_path,
            shell=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert "Total: 3 orders sent, 3 of them placed" in ended.stdout, ended.stderr
    script = ROOT.resolve() / "bots" / "watch_tape.py"
    assert watching == f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"


def test_without_the_bots_it_does_not_offer_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where the package alone is installed: a folder called bots may be anything."""
    (tmp_path / "bots").mkdir()
    monkeypatch.setattr(cli, "BOTS", tmp_path / "bots")
    options = make_parser().parse_args(["-v", "TESTEX", "-s", "FOOBAR"])
    with (
        running_tape(Accounts(), 0, 512, Wanted().origins) as tape,
        open_services(Wanted(), Accounts(), tape) as services,
    ):
        cli._greet(8000, options, services, tape)
        told = capsys.readouterr().out
        assert f"ws://127.0.0.1:{tape.port}/ob/api/ws/" in told
    assert "curl" in told and "bots" not in told


def test_the_line_that_it_prints_to_bring_the_market_to_life_does_so() -> None:
    with running("-a", "accounts.json", "--stock", "A B") as exchange:
        log = exchange.log()
        line = next(line for line in log.splitlines() if " -m bots " in line)
        ended = subprocess.run(
            line + " --orders 12 --pause 0-0.1",
            cwd=ROOT,
            shell=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        with urllib.request.urlopen(f"{exchange.url}venues/TESTEX/stocks/A%20B/quote") as answer:
            quote = json.load(answer)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Total: 36 orders sent, 36 of them placed" in ended.stdout
    assert quote["ok"] and quote["lastSize"] > 0


def test_the_curl_line_that_it_prints_places_an_order() -> None:
    with running("-a", "accounts.json") as exchange:
        log = exchange.log()
        assert "WITHOUT AUTHENTICATION" not in log
        command = log[log.index("curl") : log.index("Bring the market")]
        command = command.replace("KEY", "noisekey").replace("ME", "NOISEBOTS")
        placed = subprocess.run(
            command.replace("curl", "curl -s"), shell=True, capture_output=True, text=True
        )
    assert '"account":"NOISEBOTS"' in placed.stdout, placed


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_with_status_0__difference_17(end: signal.Signals) -> None:
    with running() as exchange:
        with urllib.request.urlopen(f"{exchange.url}heartbeat") as answer:
            assert answer.status == 200
        assert exchange.process.end(end) == 0
    assert "Traceback" not in exchange.log()


def test_another_server_of_bottles_can_be_chosen() -> None:
    with running("--server", "wsgiref") as exchange:
        with urllib.request.urlopen(f"{exchange.url}venues") as answer:
            assert "WSGIServer" in answer.headers["Server"]
            answer.read()  # wsgiref swallows an interrupt that comes while it is still writing


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


def test_with_keys_every_file_that_is_made_is_its_owners(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text('{"ANN": "annkey"}')
    file, folder = str(tmp_path / "market.db"), tmp_path / "csv"
    options = ("-d", file, "-a", str(tmp_path / "keys.json"))
    with running(*options):
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("market.db*")}
        assert len(modes) == 4 and set(modes.values()) == {0o600}, modes
    command = [sys.executable, "disorderBook_main.py", *options, "--export", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_where_no_temporary_file_can_be_written_it_is_said_at_the_start() -> None:
    nothing_written = ("bash", "-c", 'ulimit -f 0; exec "$@"', "limited")
    with killed(wrapper=nothing_written) as exchange:
        exchange.process.wait_for("No temporary file can be written")
    with running() as exchange:
        assert "temporary" not in exchange.log()


@pytest.mark.parametrize("name, why", [(":memory:", "is no file"), ("/dev/null", "it is a device")])
def test_what_cannot_be_a_database_is_refused_in_one_sentence(name: str, why: str) -> None:
    assert why in refused("-p", "0", "-d", name)
