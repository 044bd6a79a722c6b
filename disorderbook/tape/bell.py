"""How another thread wakes the one that sleeps in select(): a byte through a socket pair."""

import socket

from disorderbook.tape.sending import send_at_once


class Bell:
    """The sleeper says that it is `asleep` before it looks for work one last time and sleeps;
    whoever brings work rings only then. So neither can miss the other, and a busy sleeper costs
    nobody a system call.
    """

    __slots__ = ("asleep", "_bell", "_rope")

    def __init__(self) -> None:
        self.asleep = False
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._rope.setblocking(False)

    def fileno(self) -> int:
        """The descriptor that becomes readable."""
        return self._bell.fileno()

    def ring(self) -> None:
        """Wake the sleeper; never waits and never fails."""
        self.asleep = False
        try:
            send_at_once(self._rope, b"!")
        except OSError:
            pass  # the sleeper is gone

    def hush(self) -> None:
        """Get ready for the next ring."""
        self._bell.recv(4096)

    def close(self) -> None:
        self._bell.close()
        self._rope.close()
