"""The command line that the tools share: which server is measured, as whom, and for how long."""

import argparse
import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from wire import Address, CannotMeasure, Connection

DEFAULT_URL = "http://127.0.0.1:8000/ob/api/"
MAIN = Path(__file__).parent.parent / "disorderBook_main.py"
START_PATIENCE = 20.0  # seconds for an exchange to start
END_PATIENCE = 5.0  # seconds for it to end
MAX_SECONDS = 3600
FAILURE, USAGE_ERROR = 1, 2  # exit statuses


class Options(argparse.ArgumentParser):
    """Begins with the options that all tools have; complains in one sentence."""

    def __init__(self, description: str | None, symbol: str) -> None:
        super().__init__(
            description=description, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        self.add("--venue", "BENCHMARK", text, "venue to trade at")
        self.add("--symbol", symbol, text, "stock to trade")
        self.add("--account", "BENCHMARK", text, "account to trade as")
        self.add_argument("--key", type=text, help="API key of the account")

    def add(self, name: str, default: object, type: Callable[[str], Any], help: str) -> None:
        self.add_argument(name, type=type, default=default, help=f"{help} (default: {default})")

    def add_seed(self) -> None:
        self.add("--seed", 2016, between(0, 2**63), "what randomness grows from")

    def add_seconds(self, default: float, help: str) -> None:
        self.add("--seconds", default, between(0.1, MAX_SECONDS), help)

    def add_url(self) -> None:
        self.add_argument(
            "--url",
            type=loopback,
            nargs="?",
            const=loopback(DEFAULT_URL),
            help=f"the server to measure, {DEFAULT_URL} if none is named; without this option an "
            "exchange is started for the purpose and ended",
        )

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: {message} (--help lists the options)\n")


def run(tool: Callable[[argparse.Namespace], int], options: Options) -> NoReturn:
    """Parse the command line, run the tool and exit; a server that is gone is one sentence."""
    try:
        sys.exit(tool(options.parse_args()))
    except CannotMeasure as gone:
        sys.exit(f"{options.prog}: {gone}")  # the exit status is FAILURE


@contextlib.contextmanager
def server_at(address: Address | None) -> Iterator[Address]:
    """The server there, or without an address an exchange that runs as long as the block.

    Raises CannotMeasure if none answers.
    """
    if address is not None:
        with Connection(address) as connection:
            connection.ask("GET", "heartbeat")
        yield address
        return
    command = [sys.executable, str(MAIN), "-p", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as exchange:
        try:
            yield _started(exchange)
        finally:
            exchange.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                exchange.wait(END_PATIENCE)
            exchange.kill()  # which does nothing to one that has ended


def _started(exchange: "subprocess.Popen[str]") -> Address:
    """Where an exchange answers, once it does; raises CannotMeasure if that takes too long."""
    assert exchange.stdout is not None
    deadline = time.monotonic() + START_PATIENCE
    impatience = threading.Timer(START_PATIENCE, exchange.kill)
    impatience.start()
    greeting = exchange.stdout.readline().split()
    impatience.cancel()
    if not greeting:
        raise CannotMeasure("The exchange does not start")
    address = Address("127.0.0.1", int(greeting[-1]), "/ob/api")
    with Connection(address) as connection:
        while True:
            try:
                connection.ask("GET", "heartbeat")
                return address
            except CannotMeasure:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)  # the greeting comes before the port is open


def between(least: float, most: float) -> Callable[[str], Any]:
    """The type of an option that takes numbers from `least` to `most`, integers if `least` is."""

    def parse(argument: str) -> float:
        with contextlib.suppress(ValueError):
            number = type(least)(argument)
            if least <= number <= most:
                return number
        kind = "integer" if isinstance(least, int) else "number"
        raise argparse.ArgumentTypeError(f"{argument!r} is no {kind} from {least} to {most}")

    return parse


def text(argument: str) -> str:
    """The type of an option that takes a name or a key."""
    if not (1 <= len(argument) <= 255 and argument.isascii() and argument.isprintable()):
        raise argparse.ArgumentTypeError("a name or key is 1 to 255 printable ASCII characters")
    return argument


def loopback(url: str) -> Address:
    """The type of an option that takes the address of a server on this machine."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme != "http" or not (url.isascii() and url.isprintable()):
        raise argparse.ArgumentTypeError(f"{url!r} is no address such as {DEFAULT_URL}")
    if not _is_loopback(host):
        raise argparse.ArgumentTypeError(f"{url!r} is on another machine, which is not measured")
    return Address(host, 80 if port is None else port, parts.path.rstrip("/"))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
