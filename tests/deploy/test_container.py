"""The image of deploy/Dockerfile, as far as it can be tried without docker: its start script and
its nginx are run with other ports, and its files are those that the package needs.
"""

import configparser
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import DOCS, blocks
from live import ROOT, Started, started
from nginx import DEPLOY, filled_in, require_nginx, to_port
from ports import free_port
from raw_http import wait_until
from websockets.sync.client import connect

from disorderbook.cli.main import make_parser
from disorderbook.client import Market
from disorderbook.runner.readiness import NotYet, ask

DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
CONFIGURATION = (DEPLOY / "nginx-container.conf").read_text()
PATIENCE = 20.0  # seconds


def configuration(folder: Path, port: int, exchange_port: int) -> Path:
    """The image's, but for its ports and folder."""
    changes = to_port(exchange_port) | {
        "listen 8080;": f"listen 127.0.0.1:{port};",
        " /tmp/": f" {folder}/",
    }
    file = folder / "nginx.conf"
    file.write_text(filled_in(CONFIGURATION, changes))
    return file


@contextlib.contextmanager
def container(folder: Path, *options: str, status: int = 0) -> Iterator[tuple[Started, str]]:
    """What the image runs, and the URL where a mapped port leads; it ends with this status."""
    require_nginx()
    port, exchange_port = free_port(), free_port()
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin",
        "PYTHONPATH": str(ROOT),
        "NGINX_CONFIGURATION": str(configuration(folder, port, exchange_port)),
        "EXCHANGE_PORT": str(exchange_port),
    }
    variables = [f"{name}={value}" for name, value in environment.items()]
    with started("env", *variables, str(DEPLOY / "container-start"), *options) as process:
        try:
            yield process, f"http://127.0.0.1:{port}"
        finally:
            end_nginx(folder / "nginx.pid")  # which ends with the container otherwise
        assert (process.wait() if status else process.end()) == status, process.log()


def end_nginx(pid_file: Path) -> None:
    """It has what the process prints to, which nobody but it holds open in the end."""
    if wait_until(pid_file.exists):
        os.kill(int(pid_file.read_text()), signal.SIGTERM)
    assert wait_until(lambda: not pid_file.exists())


def answers(url: str) -> bool:
    try:
        ask(url)
    except NotYet:
        return False
    return True


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A container that can be controlled; it ends as it should."""
    folder = tmp_path_factory.mktemp("container")
    with container(folder, "--control", "--allowed-host", "exchange.example") as (process, url):
        assert wait_until(lambda: answers(url)), process.log()
        yield url


def test_a_mapped_port_reaches_the_exchange_and_its_tape(url: str) -> None:
    with Market("TESTEX", "FOOBAR", "ME", url=url) as market:
        with connect(
            f"{url.replace('http', 'ws')}/ob/api/ws/ME/venues/TESTEX/tickertape", proxy=None
        ) as tape:
            assert market.buy(5000, 10).open
            assert json.loads(tape.recv(PATIENCE))["quote"]["bid"] == 5000
        assert [row.price for row in market.book().bids] == [5000]
        assert b'{"ok":true' in said(url, request("127.0.0.1", "POST /api/v1/control/reset"))
        assert market.book().bids == ()


@pytest.mark.parametrize(
    "host, status", [("exchange.example", 200), ("localhost:8000", 200), ("evil.example", 403)]
)
def test_the_exchange_still_decides_by_which_names_it_is_called(
    url: str, host: str, status: int
) -> None:
    head = said(url, request(host))
    assert head.startswith(b"HTTP/1.1 %d " % status)


def request(host: str, line: str = "GET /ob/api/heartbeat") -> str:
    return f"{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"


def said(url: str, request: str) -> bytes:
    """All that comes until the other side hangs up."""
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall(request.encode())
        with connection.makefile("rb") as answer:
            return answer.read()


def test_a_wrong_option_ends_the_container_with_its_sentence(tmp_path: Path) -> None:
    with container(tmp_path, "--clock", "sundial", status=2) as (process, _):
        process.wait_for("sundial.*--help lists the options")


class Upstream:
    """In the place of an exchange: it answers each request so, hangs up, and counts them."""

    def __init__(self, answer: bytes) -> None:
        self.requests = 0
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Upstream":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with connection:
                    self.requests += connection.recv(65536).count(b"HTTP/1.1")
                    connection.sendall(self._answer)


FAULTS = {
    "nothing": (b"", b""),
    "a part": (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", b"half"),
    "a status": (
        b"HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Length: 3\r\n\r\nown",
        b"own",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_reaches_the_client_as_it_is(name: str, tmp_path: Path) -> None:
    require_nginx()
    answer, body = FAULTS[name]
    port = free_port()
    with Upstream(answer) as upstream:
        file = configuration(tmp_path, port, upstream.port)
        nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        assert nginx is not None
        foreground = "daemon off; master_process off;"
        with started(nginx, "-e", "stderr", "-c", str(file), "-g", foreground) as process:
            assert wait_until((tmp_path / "nginx.pid").exists), process.log()
            got = said(f"http://127.0.0.1:{port}", request("127.0.0.1"))
            assert got.partition(b"\r\n\r\n")[2] == body and bool(got) == bool(answer)
            assert got.startswith(answer[:12])
            process.end()
        assert upstream.requests == 1


def words(instruction: str) -> list[list[str]]:
    """What follows each such instruction of the Dockerfile."""
    text = DOCKERFILE.replace("\\\n", " ")
    return [line.split() for line in re.findall(rf"^{instruction} (.*)$", text, re.MULTILINE)]


def test_the_image_fits_together() -> None:
    ((exposed,),) = words("EXPOSE")
    assert f"listen {exposed};" in CONFIGURATION
    assert f"http://127.0.0.1:{make_parser().parse_args([]).port};" in CONFIGURATION
    copied = dict(tuple(each) for each in words("COPY") if len(each) == 2)
    assert copied["deploy/nginx-container.conf"] in (DEPLOY / "container-start").read_text()
    ((entry,),) = [json.loads(" ".join(each)) for each in words("ENTRYPOINT")]
    assert copied[f"deploy/{entry}"] == f"/usr/local/bin/{entry}"
    assert os.access(DEPLOY / entry, os.X_OK)
    ((*_, health),) = [re.findall(r"\[.*\]", " ".join(each)) for each in words("HEALTHCHECK")]
    command, *options = json.loads(health)
    assert command == "disorderbook"
    assert make_parser().parse_args(options).url == f"http://127.0.0.1:{exposed}"


def test_it_is_built_and_run_as_shown() -> None:
    (shown,) = [
        each.text for each in blocks(DOCS / "testing.md") if each.text.startswith("docker ")
    ]
    build, run, wait = map(shlex.split, shown.splitlines())
    assert build[-3:] == ["-f", "deploy/Dockerfile", "."]
    image = build[build.index("-t") + 1]
    options = make_parser().parse_args(run[run.index(image) + 1 :])
    assert options.seed is not None
    ((exposed,),) = words("EXPOSE")
    address, mapped = run[run.index("-p") + 1].rsplit(":", 1)
    assert mapped == exposed
    assert make_parser().parse_args(wait[1:]).url == f"http://{address}"
    assert all(line.strip("# ") in DOCKERFILE for line in shown.splitlines()[:1])


def test_what_is_copied_is_there_and_all_that_the_package_is_built_of() -> None:
    copied = {name for *names, _ in words("COPY") for name in names}
    assert all((ROOT / name).exists() for name in copied)
    package = configparser.ConfigParser()
    package.read(ROOT / "setup.cfg")
    read = package["metadata"]["long_description"].removeprefix("file: ")
    needed = {"setup.cfg", "pyproject.toml", read, package["metadata"]["license_files"]}
    assert needed | {package["options.packages.find"]["include"].rstrip("*")} <= copied
