"""What a forked process leaves to its parent: the exchange that runs there.

A fork copies every descriptor and every object, but no thread except the one that forks. So the
child would hold the exchange's ports open with nobody to answer there, and its connections, so that
clients do not learn of their end. In the end it would close the market's file once more while the
parent writes to it; SQLite does not allow that, since its locks are the process's. So the child
closes the sockets, and neither uses nor ends the rest.

The loop's and the tape's epoll descriptors are the parent's as well. No code of theirs runs in the
child, and a socket that is closed there stays registered for as long as the parent has it.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from weakref import WeakSet

from disorderbook.protocol.names import HOST, IPV6_HOST

FOLDERS = ("/proc/self/fd", "/dev/fd")  # where a system lists the descriptors of a process

_ports: list[int] = []  # of exchanges that run in this process
_descriptors: set[int] = set()  # of connections that they have made


class OwnStack(ExitStack):
    """An ExitStack that only the process which made it unwinds; a forked child never does."""

    def __init__(self) -> None:
        super().__init__()
        _stacks.add(self)


_stacks: WeakSet[OwnStack] = WeakSet()


@contextmanager
def closed_in_child(port: int) -> Iterator[None]:
    """Within the block, a fork leaves to the parent every socket of this port of the loopback
    addresses: those that listen there, and those that they accepted, whatever holds them.
    """
    _ports.append(port)
    try:
        yield
    finally:
        _ports.remove(port)


@contextmanager
def descriptor_closed_in_child(descriptor: int) -> Iterator[None]:
    """Within the block, a fork leaves to the parent the connection that has this descriptor."""
    _descriptors.add(descriptor)
    try:
        yield
    finally:
        _descriptors.discard(descriptor)


def _leave() -> None:
    """Leave the parent's exchange alone; runs in the child, before anything else does."""
    for stack in list(_stacks):
        _leak(stack.pop_all())
    if _ports:
        _close_sockets({(host, port) for host in (HOST, IPV6_HOST) for port in _ports})
        _ports.clear()
    _replace(_descriptors)
    _descriptors.clear()


def _leak(stack: ExitStack) -> None:
    """Never destroy the stack nor what it refers to, not even when Python ends: that would run the
    end of its `with` blocks, and close databases.
    """
    import ctypes  # few programs need it, and only after a fork

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(stack))


def _close_sockets(addresses: set[tuple[str, int]]) -> None:
    """Close all sockets of these addresses."""
    _replace({each for each in _open_descriptors() if _address(each) in addresses})


def _replace(descriptors: set[int]) -> None:
    """Close these, and put a dead socket in the place of each: whoever still has the descriptor's
    number closes that, and not a file that got the same number later.
    """
    if not descriptors:
        return
    dead, other_end = socket.socketpair()
    other_end.close()
    with dead:
        for descriptor in descriptors:
            os.dup2(dead.fileno(), descriptor, inheritable=False)


def _open_descriptors() -> list[int]:
    for folder in FOLDERS:
        with suppress(OSError):
            return [int(name) for name in os.listdir(folder)]
    return []


def _address(descriptor: int) -> tuple[str, int] | None:
    """Host and port of a network socket's own end; None for any other descriptor."""
    try:
        sock = socket.socket(fileno=descriptor)
    except OSError:
        return None
    try:
        name = sock.getsockname()
    except OSError:
        return None
    finally:
        sock.detach()
    return (name[0], name[1]) if isinstance(name, tuple) and len(name) > 1 else None


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_leave)
