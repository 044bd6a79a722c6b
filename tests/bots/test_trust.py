"""The bots behind proxies of the environment, and the bots and an exchange behind TLS."""

import os
import sys
from collections.abc import Iterator

import pytest
import stockfighter_minimal as sf
import watch_tape
from fork_server import run
from live import PATIENCE, ROOT, Exchange, bot
from tls_front import Front, tls_front

from disorderbook.client import Market
from disorderbook.in_process import serve

DEAD = "http://127.0.0.1:1"
TRUST = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "WEBSOCKET_CLIENT_CA_BUNDLE")
NAMES = [
    written
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    for written in (name, name.upper())
]
LOOPBACK = [
    "127.0.0.1",
    "127.9.9.9",
    "127.1",
    "localhost",
    "Localhost.",
    "a.localhost",
    "[::1]",
    "[::ffff:127.0.0.1]",
]
OTHERS = ["exchange.example", "128.0.0.1", "[::2]", "localhost.example", "127.0.0.1.example"]


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with serve(websockets=True) as exchange:
        with tls_front(exchange, tmp_path_factory.mktemp("tls")) as front:
            yield front


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, *TRUST):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("module", [sf, watch_tape])
def test_this_machine_is_known_by_its_names(module: "type[sf]") -> None:
    assert all(module.is_this_machine(f"http://{host}:8000/a") for host in LOOPBACK)
    assert not any(module.is_this_machine(f"http://{host}:8000/a") for host in OTHERS)


@pytest.mark.parametrize("names", [NAMES[:2], NAMES[4:6]])
def test_the_bots_reach_this_machine_without_a_proxy(
    exchange: Exchange, venue: str, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    for name in names:
        monkeypatch.setenv(name, DEAD)
    for host in ("127.0.0.1", "localhost"):
        url = exchange.url.replace("127.0.0.1", host)
        options = ["--url", url, "--venue", venue, "--orders", "2", "--pause", "0"]
        with bot("bot_noise.py", *options) as noise:
            assert noise.wait() == 0
            assert "2 orders sent, 2 of them placed" in noise.log(), noise.log()
        with bot("", "noise", *options) as bots:
            assert bots.wait() == 0
            assert "Total: 2 orders sent, 2 of them placed" in bots.log(), bots.log()


@pytest.mark.parametrize("names", [NAMES[:2], NAMES[4:6]])
def test_watch_tape_does_so_too(monkeypatch: pytest.MonkeyPatch, names: list[str]) -> None:
    for name in names:
        monkeypatch.setenv(name, DEAD)
    with serve(websockets=True) as exchange:
        url = exchange.tape_url.replace("127.0.0.1", "localhost")
        with bot("watch_tape.py", "--url", url) as watching:
            watching.wait_for("^UTC")
            assert watching.end() == 0


def test_with_its_certificate_bots_trade_and_watch_over_tls(front: Front) -> None:
    ca = ["--ca", str(front.ca)]
    tape = front.url.replace("https", "wss")
    with bot("watch_tape.py", "--url", tape, *ca) as watching:
        watching.wait_for("^UTC")
        with bot("bot_noise.py", "--url", front.url, "--orders", "1", *ca) as noise:
            assert noise.wait() == 0
            assert "1 orders sent, 1 of them placed" in noise.log(), noise.log()
        with bot("", "noise", "--url", front.url, "--orders", "1", *ca) as bots:
            assert bots.wait() == 0
            assert "Total: 1 orders sent, 1 of them placed" in bots.log(), bots.log()
        watching.wait_for("FOOBAR")
        assert watching.end() == 0


def test_whoever_asks_for_it_trusts_anybody_and_is_not_told_each_time(front: Front) -> None:
    options = ["--url", front.url, "--orders", "1", "--insecure"]
    for start in (["bot_noise.py"], ["", "noise"]):
        with bot(*start, *options) as noise:
            assert noise.wait() == 0
            assert "1 of them placed" in noise.log() and "Warning" not in noise.log(), noise.log()
    with bot("watch_tape.py", "--url", front.url.replace("https", "wss"), "--insecure") as watching:
        watching.wait_for("^UTC")
        assert watching.end() == 0


@pytest.mark.parametrize(
    "start, scheme, status",
    [
        (["bot_noise.py"], "https", 2),
        (["", "noise"], "https", 2),
        (["watch_tape.py"], "wss", 1),
    ],
)
def test_a_certificate_that_is_not_trusted_is_told_as_that(
    front: Front, start: list[str], scheme: str, status: int
) -> None:
    with bot(*start, "--url", front.url.replace("https", scheme)) as ended:
        assert ended.wait() == status
        assert ended.log().count("\n") == 1, ended.log()
        assert "is not trusted: self" in ended.log() and "--ca FILE" in ended.log()
        assert "No exchange answers" not in ended.log()


@pytest.mark.parametrize(
    "script, words",
    [
        ("bot_noise.py", []),
        ("__main__.py", ["noise"]),
        ("watch_tape.py", []),
    ],
)
@pytest.mark.parametrize(
    "options, complaint",
    [
        (["--ca", "/nowhere.pem"], "holds no certificates to trust"),
        (["--ca", os.devnull, "--insecure"], "not allowed with argument|holds no certificates"),
    ],
)
def test_what_cannot_be_trusted_is_one_sentence(
    script: str, words: list[str], options: list[str], complaint: str
) -> None:
    command = [sys.executable, str(ROOT / "bots" / script), *words, *options]
    ran = run(command, timeout=PATIENCE)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert any(part in ran.stderr for part in complaint.split("|")), ran.stderr


def test_a_script_says_whom_it_trusts(front: Front, capsys: pytest.CaptureFixture[str]) -> None:
    sf.set_web_url(front.url)
    try:
        assert sf.quote("TESTEX", "FOOBAR") is None
        printed = capsys.readouterr().err
        assert printed.count("\n") == 1
        assert f"The certificate of {front.url} is not trusted: self" in printed
        sf.set_verify(str(front.ca))
        assert sf.execute(sf.Order(price=1, qty=1)) is not None
        with pytest.raises(ValueError, match="holds no certificates to trust"):
            sf.set_verify("/nowhere.pem")
    finally:
        sf.set_web_url(sf.DEFAULT_URL)
        sf.set_verify(True)


def test_an_order_is_not_sent_to_whom_is_not_trusted(front: Front) -> None:
    client = sf.Client(front.url, complain=lambda sentence: None)
    assert client.execute(sf.Order(price=77, qty=1, symbol="OTHER")) is None
    with Market("TESTEX", "OTHER", url=front.url, verify=front.ca) as market:
        assert market.quote().bid is None
