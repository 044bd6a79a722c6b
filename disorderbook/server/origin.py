"""Which web pages may talk to the exchange, and by which names it may be called.

A browser lets any page send requests to a server on localhost. Three headers say who asks:

- Origin names the page that sends. Pages of this machine and our own are let through.
- Sec-Fetch-Site says that another site's page wants this; it comes also with what has no Origin,
  such as an image. An Origin that was let through counts for more: a page at localhost is another
  site than 127.0.0.1 to the browser, and none to us.
- Host is the name by which we were called. The owner of a page's name can make that name mean
  127.0.0.1 (DNS rebinding), and the page is then our own to the browser. So only names that are
  known to mean us are let through, and addresses, which nobody can give another meaning.

A program that is no browser sends neither Origin nor Sec-Fetch-Site. HTTP and websockets both ask
here.
"""

import re
import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from disorderbook.errors import CrossSite, ForeignOrigin, IllegalHost, UnknownHost
from disorderbook.protocol.names import LARGEST_PORT, detail_of

CorsHeaders = tuple[tuple[str, str], ...]
LONGEST_HOST = 255  # characters of a name; what DNS can hold
HOSTS_REMEMBERED = 64  # values of a Host header

_HOST = r"(?P<name>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._~!$&'()*+,;=%-]{1,255})"
_HOST_AND_PORT = re.compile(_HOST + r"(?::(?P<port>[0-9]{0,5}))?")

# A websocket library may send ws:, and some end an Origin with a slash (Go's golang.org/x/net).
_ORIGIN = re.compile(rf"(?:https?|wss?)://{_HOST}(?::(?P<port>[0-9]{{1,5}}))?/?", re.IGNORECASE)

_CORS = (
    ("Access-Control-Expose-Headers", "X-Error-Detail, Retry-After"),
    ("Vary", "Origin"),
)

_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")


class OriginPolicy:
    """Who may talk to one exchange; `allowed_hosts` are the names it may be called by besides
    localhost, as `host_name` gives them.
    """

    def __init__(self, allowed_hosts: Iterable[str] = ()) -> None:
        self.allowed_hosts = tuple(dict.fromkeys(map(host_name, allowed_hosts)))
        # Most requests have the Host of those before them, so this is hardly ever worked out.
        self.is_known_host = lru_cache(maxsize=HOSTS_REMEMBERED)(self._is_known_host)

    def check(self, host: str | None, origin: str | None, fetch_site: str | None) -> None:
        """Refuse a request with these headers Host, Origin and Sec-Fetch-Site, None if it has none.

        Raises IllegalHost, UnknownHost, ForeignOrigin or CrossSite.
        """
        self.check_host(host)
        if is_foreign(origin, host):
            raise ForeignOrigin(
                detail_of(
                    "Origin",
                    origin,
                    "a page of this machine or of the host that is asked",
                )
            )
        if origin is None and fetch_site is not None and "cross-site" in fetch_site.lower():
            raise CrossSite(detail_of("Sec-Fetch-Site", fetch_site, "same-origin, same-site, none"))

    def check_host(self, host: str | None) -> None:
        """Raise IllegalHost if a Host header is malformed, UnknownHost if it is not our name."""
        if self.is_known_host(host):
            return
        if _parsed(_HOST_AND_PORT, host or "") is None:
            raise IllegalHost(detail_of("Host", host, "a host name or an address, and a port"))
        raise UnknownHost(
            detail_of(
                "Host",
                host,
                "an address, localhost, a name given with --allowed-host",
            )
        )

    def may_read(self, host: str | None, origin: str | None) -> bool:
        """Whether a page of this origin may read what it is answered: whoever may ask, may."""
        if origin is None or is_foreign(origin, host):
            return False
        return _is_loopback(_parsed(_ORIGIN, origin) or "") or self.is_known_host(host)

    def cors_headers(self, host: str | None, origin: str | None) -> CorsHeaders:
        """What lets a page of this origin read any answer to it; nothing for pages that may not."""
        if origin is None or not self.may_read(host, origin):
            return ()
        return (("Access-Control-Allow-Origin", origin), *_CORS)

    def _is_known_host(self, host: str | None) -> bool:
        """Whether this Host header calls us by a name of ours; only HTTP/1.0 can do without."""
        if host is None:
            return True
        name = _parsed(_HOST_AND_PORT, host)
        if name is None:
            return False
        return _is_local_name(name) or is_address(name) or name in self.allowed_hosts


def is_foreign(origin: str | None, host: str | None) -> bool:
    """Whether an Origin header names a host that is neither loopback nor that of the Host header.

    "null", which a page can make its browser say, and nonsense are foreign. Ports are not compared:
    the page of one port may listen to the tape of another.
    """
    if origin is None:
        return False
    name = _parsed(_ORIGIN, origin)
    if name is None:
        return True
    return not _is_loopback(name) and name != _parsed(_HOST_AND_PORT, host or "")


def host_name(text: str) -> str:
    """A host name as it is compared, in lower case and ASCII; raises ValueError if it is none."""
    try:
        name = text.encode("idna").decode().lower().removesuffix(".")
    except UnicodeError:
        name = ""
    if len(name) > LONGEST_HOST or not (_NAME.fullmatch(name) or is_address(name)):
        raise ValueError(f"{text!r} is no host name; one looks like exchange.example")
    return name


def _parsed(form: re.Pattern[str], text: str) -> str | None:
    """The name in an origin or a host, as it is compared; None if this is neither."""
    found = form.fullmatch(text)
    if found is None or int(found["port"] or 0) > LARGEST_PORT:
        return None
    name = found["name"].lower()
    if name.startswith("[") and not is_address(name):
        return None
    return name.removesuffix(".") or None


def _is_local_name(name: str) -> bool:
    return name == "localhost" or name.endswith(".localhost")


def _is_loopback(name: str) -> bool:
    if _is_local_name(name):
        return True
    try:
        address = ip_address(name.strip("[]"))
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def is_address(name: str) -> bool:
    """Whether this is an IPv6 address in brackets, or an IPv4 address in any of its forms, such as
    127.1, which no browser takes for a name either.
    """
    try:
        if name.startswith("["):
            IPv6Address(name[1:-1])
        else:
            socket.inet_aton(name)
    except (ValueError, OSError):
        return False
    return True
