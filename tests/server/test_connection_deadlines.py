"""Deadlines that must not end a connection: its answer waits for a commit, or it reads slowly."""

import asyncio
import math
import time
from typing import Any

import pytest
from raw_http import Peer, Recorder, get, serving

from disorderbook.server.server import fastest_loop

SLOW = 0.002  # seconds that a client waits before each 2 KiB


@pytest.mark.parametrize("new_loop", [fastest_loop, asyncio.new_event_loop])
def test_an_answer_that_waits_for_its_commit_does_not_time_out(new_loop: Any) -> None:
    app, checked = Recorder(), []

    def commit() -> None:
        assert server._service is not None
        for connection in tuple(server._service.connections):
            connection.check_deadline(math.inf)
            checked.append(connection)

    with serving(app, new_loop, commit) as server, Peer(server.port) as peer:
        for path in ("/first", "/second"):
            assert peer.ask(get(path)).body == b"GET %b 0" % path.encode()
    assert len(checked) == 2


def test_a_client_that_reads_one_long_answer_slowly_is_not_dropped() -> None:
    """It takes three times as long as a client may read nothing at all."""
    app, size, write_seconds = Recorder(), 4_000_000, 0.4
    with serving(app, write_seconds=write_seconds, system_bytes=16384) as server:
        with Peer(server.port, SO_RCVBUF=4096) as slow:
            slow.send(get(f"/large/{size}"))
            received, until = 0, time.monotonic() + 3 * write_seconds
            while received < size and (chunk := slow.socket.recv(2048)):
                received += len(chunk)
                time.sleep(SLOW if time.monotonic() < until else 0)
            assert received >= size
