"""Listening sockets on this machine's own addresses, and how many descriptors there may be.

The rule: `localhost` means ::1 to many programs before it means 127.0.0.1, so both lead to the
exchange, on the same port, where the system has IPv6. Each connection needs a descriptor.
"""

import errno
import socket
from collections.abc import Sequence
from typing import Any

from disorderbook.protocol.names import HOST, IPV6_HOST

try:
    import resource
except ImportError:  # Windows
    HAS_LIMITS = False
else:
    HAS_LIMITS = True

WANTED_DESCRIPTORS = 16_384
DESCRIPTORS_ELSEWHERE = 512  # where a process cannot ask for its limit
PORTS_TRIED = 16  # for port 0, until one is free on both addresses
TAKEN = {errno.EADDRINUSE, errno.EACCES}  # Windows says the second of some ports
NO_IPV6 = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT, errno.EINVAL}

# Windows lets two programs share a port unless one of them forbids it. Elsewhere nobody shares one,
# and SO_REUSEADDR only spares a restart from waiting for the connections of the last run.
PORT_OPTION: int = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)


def listen(port: int, backlog: int) -> Sequence[socket.socket]:
    """Sockets that listen at `port` from now on, on 127.0.0.1 and, where the system has it, on ::1.

    Port 0 picks a port that is free on both. `backlog` connections may wait to be accepted. Raises
    OSError, with the address as its filename, if the port is taken on either.
    """
    if port:
        return _listen_on_both(port, backlog)
    for _ in range(PORTS_TRIED - 1):
        try:
            return _listen_on_both(0, backlog)
        except OSError as fault:
            if fault.filename != IPV6_HOST or fault.errno not in TAKEN:
                raise
    return _listen_on_both(0, backlog)


def peer_name(address: tuple[Any, ...]) -> str:
    """An address as `accept` returns it, for a line in the log."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listen_on_both(port: int, backlog: int) -> list[socket.socket]:
    first = _listen(socket.AF_INET, HOST, port, backlog)
    try:
        second = _listen_ipv6(first.getsockname()[1], backlog)
    except BaseException:
        first.close()
        raise
    return [first] if second is None else [first, second]


def _listen_ipv6(port: int, backlog: int) -> socket.socket | None:
    """None where the system has no IPv6, or has it switched off."""
    if not socket.has_ipv6:
        return None
    try:
        return _listen(socket.AF_INET6, IPV6_HOST, port, backlog)
    except OSError as fault:
        if fault.errno in NO_IPV6:
            return None
        raise


def _listen(family: socket.AddressFamily, host: str, port: int, backlog: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, PORT_OPTION, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(backlog)
    except OSError as fault:
        listener.close()
        fault.filename = host
        raise
    return listener


def allow_descriptors(enough: int = WANTED_DESCRIPTORS) -> int:
    """Raise this process's limit of descriptors to WANTED_DESCRIPTORS, as far as the system allows
    it, unless the limit is `enough` already; returns the limit. Many systems begin with 1024.
    """
    if not HAS_LIMITS:
        return DESCRIPTORS_ELSEWHERE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return WANTED_DESCRIPTORS
    if soft < enough:
        within = hard if hard != resource.RLIM_INFINITY else WANTED_DESCRIPTORS
        wanted = min(WANTED_DESCRIPTORS, within)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):
            return soft  # some systems have another limit, which cannot be asked for
        return wanted
    return soft
