"""By which addresses other machines of the network reach this one, and which ports are free.

The rule: what is told is what the system says. A machine without a network has no such address, and
is told so. IPv6 addresses are left out: those of a local network change, and few people type them.
"""

import json
import shutil
import socket
import subprocess
from collections.abc import Collection, Iterator
from contextlib import suppress

# Where a route would lead; nothing is sent there. The private networks (RFC 1918), and one of the
# documentation (RFC 5737), which is reached by the default route.
DESTINATIONS = ("192.0.2.1", "10.255.255.254", "172.31.255.254", "192.168.255.254")
PATIENCE = 10  # seconds for the program ip
LAST_PORT = 65535


def network_addresses() -> list[str]:
    """This machine's IPv4 addresses that are not loopback, the one of the usual route first."""
    found = dict.fromkeys((*_routed(), *_assigned()))
    return [each for each in found if not each.startswith("127.") and each != "0.0.0.0"]


def _routed() -> Iterator[str]:
    """The addresses from which this machine would send to DESTINATIONS."""
    for destination in DESTINATIONS:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
            probe.connect((destination, 9))
            yield str(probe.getsockname()[0])


def _assigned() -> list[str]:
    """Those that Linux' program ip lists; none elsewhere."""
    program = shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        return []
    command = [program, "-json", "-4", "address", "show", "up", "scope", "global"]
    with suppress(OSError, ValueError, subprocess.SubprocessError):
        told = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=True
        )
        links = json.loads(told.stdout)
        return [each["local"] for link in links for each in link.get("addr_info", ())]
    return []


def can_listen(port: int, host: str = "") -> bool:
    """Whether nobody listens at a port of this machine, on all of its addresses or on one. Raises
    PermissionError for one that this user may not have.
    """
    with socket.socket(socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except PermissionError:
            raise
        except (OSError, OverflowError):
            return False
    return True


def free_port(first: int, taken: Collection[int]) -> int:
    """The first port from here on that nobody has and that is not taken; raises ValueError."""
    for port in range(first, LAST_PORT + 1):
        if port not in taken and can_listen(port):
            return port
    raise ValueError(f"No port from {first} on is free")


def has_ipv6() -> bool:
    """Whether this machine can listen on IPv6 addresses."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True
