"""What a forked process has of its parent's exchange: nothing."""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from forked import Child, forked, forked_by_multiprocessing, heard
from live import started

from disorderbook.process.forks import OwnStack, closed_in_child

HOST = "127.0.0.1"
Fork = Callable[[Child], AbstractContextManager[Connection]]
both_ways = pytest.mark.parametrize("fork", [forked, forked_by_multiprocessing])


def until_told(pipe: Connection) -> None:
    pipe.send("here")
    pipe.recv()


@both_ways
def test_the_sockets_of_an_address_are_the_parents_alone(fork: Fork) -> None:
    listener = socket.create_server((HOST, 0))
    port = listener.getsockname()[1]
    with closed_in_child(port), listener:
        client = socket.create_connection((HOST, port))
        accepted = listener.accept()[0]
        with client, accepted, fork(until_told) as child:
            assert heard(child) == "here"
            accepted.sendall(b"still there")
            assert client.recv(64) == b"still there"
            accepted.close()
            client.settimeout(60)
            assert client.recv(64) == b"", "somebody still has the connection"
            listener.close()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((HOST, port))
            socket.create_server((HOST, port)).close()
            child.send("end")


def test_other_sockets_are_left_alone_and_so_are_those_of_an_exchange_that_has_ended() -> None:
    with socket.create_server((HOST, 0)) as past, socket.create_server((HOST, 0)) as mine:
        here, there = socket.socketpair()
        address = past.getsockname()
        with closed_in_child(address[1]):
            pass

        def look(pipe: Connection) -> None:
            with closing(socket.create_connection(address)):
                past.accept()[0].close()
            pipe.send((mine.getsockname(), there.send(b"!")))

        with here, there, forked(look) as child:
            assert heard(child) == (mine.getsockname(), 1) and here.recv(1) == b"!"


def test_descriptors_with_the_numbers_of_closed_ones_are_safe() -> None:
    """An object that is destroyed later closes what has its number."""
    listener = socket.create_server((HOST, 0))
    with closed_in_child(listener.getsockname()[1]), listener:

        def reuse(pipe: Connection) -> None:
            mine = os.open(os.devnull, os.O_RDONLY)
            assert mine != listener.fileno()
            listener.close()
            pipe.send(os.read(mine, 1))

        with forked(reuse) as child:
            assert heard(child) == b""


@both_ways
def test_what_was_entered_is_left_in_its_own_process_only(fork: Fork) -> None:
    left: list[int] = []
    with OwnStack() as own:
        own.callback(lambda: left.append(os.getpid()))

        def leave(pipe: Connection) -> None:
            own.close()
            pipe.send(left)

        with fork(leave) as child:
            assert heard(child) == []
        assert left == []
    assert left == [os.getpid()]


FORKING_SCRIPT = """
import os, sys, threading, time
from disorderbook.cli.main import main

def fork():
    while not os.path.exists(sys.argv[-1]):
        time.sleep(0.01)
    pid = os.fork()
    if not pid:
        time.sleep(60)
        os._exit(0)
    os.write(1, b"\\nchild %d\\n" % pid)  # at once, on a line of its own, whatever else is printed

threading.Thread(target=fork).start()
sys.exit(main())
"""


def test_a_process_forked_by_the_command_keeps_no_port(tmp_path: Path) -> None:
    file = tmp_path / "ports"
    options = ("-p", "0", "-w", "--wsport", "0", "--ports-file", str(file))
    with started(sys.executable, "-c", FORKING_SCRIPT, *options) as exchange:
        child = int(exchange.wait_for(r"^child (\d+)$")[1])
        try:
            written = json.loads(file.read_text())
            ports = [written["port"], written["tape_port"]]
            for port in ports:
                socket.create_connection((HOST, port)).close()
            exchange._process.send_signal(signal.SIGTERM)
            assert exchange._process.wait(20) == 0
            os.kill(child, 0)
            for port in ports:
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection((HOST, port))
        finally:
            os.kill(child, signal.SIGKILL)
