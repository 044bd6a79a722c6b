"""What is connected before a fork, and belongs to the parent after it.

Two processes that share a connection get each other's answers. So the child lets go of all that it
has inherited, without a word to the other side, whose conversation with the parent goes on; what
it needs, it opens anew.
"""

import os
import socket
from collections.abc import Iterable
from typing import Protocol
from weakref import WeakSet


class Holder(Protocol):
    """Somebody who has connections, and perhaps a lock that another thread held at the fork."""

    def begin_anew(self) -> None:
        """In a forked process, before anything else: do without what is the parent's."""


_holders: WeakSet[Holder] = WeakSet()


def begin_anew_after_fork(holder: Holder) -> None:
    """Have it begin anew in each process that is forked from now on, for as long as it lives."""
    _holders.add(holder)


def let_go(socks: Iterable[socket.socket]) -> None:
    """Put dead sockets in the place of inherited ones, which the parent does not notice.

    What still reads from one is told that the other side hung up; what TLS or a websocket may have
    to say goes nowhere; and what closes one closes no other file of the same number.
    """
    dead, other_end = socket.socketpair()
    other_end.close()
    with dead:
        for sock in socks:
            if sock.fileno() >= 0:
                os.dup2(dead.fileno(), sock.fileno(), inheritable=False)


def _begin_anew() -> None:
    for holder in list(_holders):
        holder.begin_anew()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_begin_anew)
