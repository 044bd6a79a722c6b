"""A send() that keeps Python's lock.

A socket's own send() lets go of the lock, so that other threads can run meanwhile, and then has to
wait for it: half a millisecond for each listener while the exchange is busy, and as long for the
exchange when it rings the bell. On a socket that never blocks send() takes a few microseconds, for
which that is not worth it.
"""

import ctypes
import errno
import os
import socket
from collections.abc import Callable


def send_at_once(sock: socket.socket, sent: bytes) -> int:
    """How many bytes a non-blocking socket has taken, 0 if it is full; raises OSError."""
    if _send is None:
        try:
            return sock.send(sent)
        except BlockingIOError:
            return 0
    taken = _send(sock.fileno(), sent, len(sent), 0)
    if taken >= 0:
        return taken
    code = ctypes.get_errno()
    if code in (errno.EAGAIN, errno.EWOULDBLOCK):
        return 0
    raise OSError(code, os.strerror(code))


def _send_of_the_system() -> Callable[[int, bytes, int, int], int] | None:
    """The C library's send(), called by ctypes with the lock held; None where there is none."""
    try:
        send = ctypes.PyDLL(None, use_errno=True).send
    except (OSError, AttributeError, TypeError):
        return None
    send.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int)
    send.restype = ctypes.c_ssize_t
    return send


_send = _send_of_the_system()
