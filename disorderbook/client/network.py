"""How the exchange is reached: its addresses, proxies, certificates, and what a fork leaves.

- Addresses. The URLs of the API and of the tape, and the names in their paths.
- Proxies. The environment names them, for the tape as for requests. This machine is never reached
  by way of one: a proxy would look for it elsewhere, or has no business to know of it.
- Certificates. requests and the tape trust the same ones.
- Forks. Two processes that share a connection get each other's answers. So a forked process drops
  what it has inherited, without a word to the other side, whose conversation with the parent goes
  on. What it needs, it opens anew.
"""

import os
import socket
import ssl
from collections.abc import Iterable
from ipaddress import IPv6Address
from types import NoneType
from typing import Any, Protocol
from urllib.parse import SplitResult, quote, unquote, urlsplit
from weakref import WeakSet

from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy

DEFAULT_URL = "http://127.0.0.1:8000"
KEY_HEADER = "X-Starfighter-Authorization"
IDEMPOTENCY_HEADER = "Idempotency-Key"
DETAIL_HEADER = "X-Error-Detail"
API = "/ob/api"
EXTENSIONS = "/api/v1"  # what the exchange has beyond the protocol, beside the API
TAPE = "/ob/api/ws"
LONGEST_TIMEOUT = 1_000_000  # seconds; system calls can wait for 24 days, and no longer
TAPE_PORT = 8001  # on this machine, without anything in front of the exchange

UNSENDABLE = ("", ".", "..")  # parts of a path that have a meaning of their own


def check_types(*kinds: type, **options: object) -> None:
    """Raise ValueError, naming the option, for a value of none of these types; a bool is no number.
    The sentence tells no value: it may be a key.
    """
    for option, value in options.items():
        is_bool = isinstance(value, bool) and bool not in kinds
        if is_bool or not isinstance(value, kinds):
            names = " | ".join("None" if each is NoneType else each.__name__ for each in kinds)
            raise ValueError(f"{option} has to be {names}, and not {type(value).__name__}")


def api_address(url: str) -> str:
    """Where the API begins; a URL of the host alone will do. Raises ValueError."""
    check_types(str, url=url)
    parts = _parts(url, ("http", "https"), DEFAULT_URL)
    path = parts.path.rstrip("/") or API
    return f"{parts.scheme}://{parts.netloc}{path}"


def address_of(api: str, path: str) -> str:
    """Where a path is: below the API's address, or beside it if it begins with EXTENSIONS."""
    if path.startswith(f"{EXTENSIONS}/"):
        return api.removesuffix(API) + path
    return api + path


def tape_addresses(tape_url: str | None, url: str) -> tuple[str, ...]:
    """Where the tape may begin, in the order to look there. Raises ValueError.

    Unless it is said, that is below the API of `url`, where whatever stands in front of an exchange
    has it; for an exchange of this machine, with nothing in front, it is port 8001 after that.
    """
    check_types(str, NoneType, tape_url=tape_url)
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


def encoded(name: str, option: str = "name") -> str:
    """A name as a part of a path, whatever it consists of; raises ValueError if it can be none."""
    if name in UNSENDABLE:
        cannot = "cannot be the name of a venue, a stock or an account in a URL"
        raise ValueError(f"{option} is {name!r}, which {cannot}")
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


# websocket-client heeds what is not to go through a proxy only where a proxy is named.
NO_PROXY = {"http_proxy_host": "none", "http_no_proxy": ["*"]}

STANDARD_PORTS = {"https": 443}  # 80 for the others

NOWHERE = "no.proxy.invalid"  # a host that is never asked for


def proxy_options(url: str) -> dict[str, Any]:
    """The proxy options of websocket-client, complete, so that it reads no environment itself."""
    proxy = None if is_this_machine(url) else _proxy_for(url)
    if proxy is None:
        return NO_PROXY
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    has_login = parts.username is not None
    return {
        "http_proxy_host": parts.hostname,
        "http_proxy_port": parts.port or STANDARD_PORTS.get(parts.scheme, 80),
        "http_proxy_auth": (unquote(parts.username or ""), unquote(parts.password or ""))
        if has_login
        else None,
        "http_no_proxy": [NOWHERE],
        "proxy_type": parts.scheme if parts.scheme.startswith("socks") else "http",
    }


def _proxy_for(url: str) -> str | None:
    as_request = "http" + url.removeprefix("ws")
    proxy = select_proxy(as_request, get_environ_proxies(as_request, no_proxy=None))
    return proxy or None


ENVIRONMENT = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # as requests has it
Verify = bool | str | os.PathLike[str]
"""True for the authorities that everybody trusts, False to trust anybody, or the file (PEM) of
those to trust, or their folder."""


def checked_verify(verify: Verify) -> bool | str:
    """A path as text, True and False as they are; raises ValueError for what is no file or folder
    of certificates.
    """
    check_types(bool, str, os.PathLike, verify=verify)
    if isinstance(verify, bool):
        return verify
    path = os.fspath(verify)
    try:
        ssl.create_default_context().load_verify_locations(**_location(path))
    except OSError as error:  # which those of TLS are, too
        reason = error.strerror or error
        raise ValueError(f"{path!r} holds no certificates to trust: {reason}") from None
    return path


def authorities(verify: bool | str) -> str | bool:
    """The file or folder of those that are trusted, as of now; False if anybody is."""
    if verify is not True:
        return verify
    named = (os.environ.get(name) for name in ENVIRONMENT)
    return next((path for path in named if path), DEFAULT_CA_BUNDLE_PATH)


def trust_options(verify: bool | str) -> dict[str, Any]:
    """What websocket-client calls sslopt."""
    path = authorities(verify)
    if isinstance(path, bool):
        return {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    location = _location(path)
    return {"ca_certs": location.get("cafile"), "ca_cert_path": location.get("capath")}


def why_untrusted(error: BaseException) -> str | None:
    """What is wrong with a certificate, if that is the first cause of an error; else None."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__ or cause.__context__
    return None


def _location(path: str) -> dict[str, str]:
    return {"capath" if os.path.isdir(path) else "cafile": path}


class ForkAware(Protocol):
    """What has connections, and perhaps a lock that another thread held at the fork."""

    def reset_in_child(self) -> None:
        """In a forked process, before anything else there: drop what is the parent's."""


_registered: WeakSet[ForkAware] = WeakSet()


def reset_after_fork(each: ForkAware) -> None:
    """Call `reset_in_child` in each process that is forked from now on, while the object lives."""
    _registered.add(each)


def detach(socks: Iterable[socket.socket]) -> None:
    """Put dead sockets in the place of inherited ones, which the parent does not notice.

    Whoever reads from one finds that the other side hung up. What TLS or a websocket writes goes
    nowhere. Closing one closes no other file of the same number.
    """
    dead, other_end = socket.socketpair()
    other_end.close()
    with dead:
        for sock in socks:
            if sock.fileno() >= 0:
                os.dup2(dead.fileno(), sock.fileno(), inheritable=False)


def _reset_all() -> None:
    for each in list(_registered):
        each.reset_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_reset_all)
