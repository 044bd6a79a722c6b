"""The listening socket: lets newcomers in, and stays shut for a while when it cannot."""

import logging
import socket
import time
from collections.abc import Iterator
from typing import Any

from disorderbook.tape.watch import Watch

QUIET_SECONDS = 60.0  # between two complaints in the log
ACCEPTED_AT_ONCE = 64  # newcomers, before those who are in already get their turn

log = logging.getLogger(__name__)


class Door:
    """Has `listening` watched while it is open. Shut for want of room or of descriptors, it is
    tried again after `pause_seconds`; newcomers queue in the kernel meanwhile.
    """

    def __init__(self, listening: socket.socket, watch: Watch, pause_seconds: float) -> None:
        listening.setblocking(False)
        self._listening = listening
        self._watch = watch
        self._pause_seconds = pause_seconds
        self._shut_until: float | None = None
        self._quiet_until = 0.0
        self._watch.add(listening, self)

    @property
    def is_shut(self) -> bool:
        return self._shut_until is not None

    def newcomers(self, room: int) -> Iterator[tuple[socket.socket, Any]]:
        """Accept some of those who wait, at most `room`."""
        for number in range(ACCEPTED_AT_ONCE):
            if number >= room:
                return self._shut("there are too many connections")
            try:
                newcomer = self._listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as fault:
                return self._shut(str(fault.strerror))
            yield newcomer

    def check(self, now: float) -> None:
        """Open again if the pause is over; `now` is of time.monotonic()."""
        if self._shut_until is not None and now >= self._shut_until:
            self._shut_until = None
            self._watch.add(self._listening, self)

    def close(self) -> None:
        if not self.is_shut:
            self._watch.remove(self._listening)
        self._shut_until = None
        self._listening.close()

    def _shut(self, reason: str) -> None:
        now = time.monotonic()
        self._shut_until = now + self._pause_seconds
        self._watch.remove(self._listening)
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET_SECONDS
            log.warning("The tape lets nobody in for now: %s", reason)
