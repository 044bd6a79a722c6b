"""Ports for servers that have to be told theirs."""

import random
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path

LEAST = 10_000  # below are the ports that programs are known by
TRIES = 100
CHOICE = random.SystemRandom()  # each worker of a run has another one


def free_port() -> int:
    """A port where nobody listens, of those that the system gives to nobody who asks for any: so no
    connection of another test gets it before it is used.
    """
    for port in CHOICE.sample(range(LEAST, first_given_port()), TRIES):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError(f"none of {TRIES} ports below {first_given_port()} can be listened at")


@cache
def first_given_port() -> int:
    """The first one that a connection, or a bind to port 0, may get."""
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        first = 0
    return first if first > 2 * LEAST else 32_768  # where most systems begin
