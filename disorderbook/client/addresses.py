"""Where things are: the URLs of the exchange and of its tape, and of what has names there."""

import socket
from ipaddress import IPv6Address
from urllib.parse import SplitResult, quote, urlsplit

DEFAULT_URL = "http://127.0.0.1:8000"
API = "/ob/api"
TAPE = "/ob/api/ws"
TAPE_PORT = 8001  # on this machine, without anything in front of the exchange
UNSENDABLE = ("", ".", "..")  # parts of a path that have a meaning of their own


def api_address(url: str) -> str:
    """Where the API begins; a URL of the host alone will do. Raises ValueError."""
    parts = _parts(url, ("http", "https"), DEFAULT_URL)
    path = parts.path.rstrip("/") or API
    return f"{parts.scheme}://{parts.netloc}{path}"


def tape_addresses(tape_url: str | None, url: str) -> tuple[str, ...]:
    """Where the tape may begin, in the order to look there. Raises ValueError.

    Unless it is said, that is below the API of `url`, where whatever stands in front of an exchange
    has it; for an exchange of this machine, with nothing in front, it is port 8001 after that.
    """
    if tape_url is not None:
        parts = _parts(tape_url, ("ws", "wss"), f"ws://127.0.0.1:{TAPE_PORT}")
        path = parts.path.rstrip("/") or TAPE
        return (f"{parts.scheme}://{parts.netloc}{path}",)
    same_origin = f"ws{api_address(url).removeprefix('http')}/ws"
    parts = urlsplit(url)
    if parts.scheme != "http" or not is_this_machine(url):
        return (same_origin,)
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    return same_origin, f"ws://{host}:{TAPE_PORT}{TAPE}"


def encoded(name: str) -> str:
    """A name as a part of a path, whatever it consists of; raises ValueError if that is impossible.
    """
    if name in UNSENDABLE:
        raise ValueError(f"{name!r} cannot be the name of a venue, a stock or an account in a URL")
    return quote(name, safe="")


def is_this_machine(url: str) -> bool:
    """Whether its host is a loopback address (127.0.0.0/8, ::1) or a name of one: localhost and all
    below it (RFC 6761).
    """
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        if ":" in host:
            address = IPv6Address(host)
            return (address.ipv4_mapped or address).is_loopback
        return socket.inet_aton(host)[0] == 127  # which knows 127.1, as the system does
    except (ValueError, OSError):
        return False


def _parts(url: str, schemes: tuple[str, str], example: str) -> SplitResult:
    problem = ValueError(f"{url!r} is no address of an exchange, like {example}")
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in schemes and parts.hostname and parts.port != 0
    except ValueError:
        raise problem from None
    if not is_good or parts.query or parts.fragment:
        raise problem
    return parts
