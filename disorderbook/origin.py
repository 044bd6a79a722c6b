"""Which web pages may talk to the exchange: those of this machine and its own, and no others.

A browser lets any page post to a server on localhost, and says in the Origin header which page it
was. A program that is no browser sends no Origin.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_foreign(origin: str | None, host: str | None) -> bool:
    """Whether an Origin header names a host that is neither loopback nor that of the Host header.

    "null", which a page can make its browser say, and nonsense are foreign.
    """
    if origin is None:
        return False
    name = _host_name(origin)
    if name is None:
        return True
    own_name = _host_name(f"//{host}") if host else None
    return not _is_loopback(name) and name != own_name


def _host_name(url: str) -> str | None:
    """The host of a URL in lower case without its port."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
