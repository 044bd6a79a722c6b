"""Time in a program that trades: it is the exchange's, and libraries keep the machine's."""

import ast
import asyncio
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType

import pytest

from disorderbook.lab.shim import exchange_time
from disorderbook.lab.shim.exchange_time import (
    LAYOUT,
    MAGIC,
    ClockMover,
    ClockReader,
    Follower,
    Sleepers,
    TaskSleeps,
    Unreachable,
    asks_for_real_time,
)

SECOND = 10**9
SLEEPS = (("a", 2, 15), ("b", 3, 10), ("c", 5, 6))  # thread, seconds, times
START = 1_400_000_000 * SECOND


class Exchange:
    """A clock in memory that moves when asked to, and remembers by how much."""

    def __init__(self) -> None:
        self.time, self.steps = START, list[int]()
        self.lock = threading.Lock()

    def now(self) -> int:
        return self.time

    def advance(self, nanoseconds: int) -> None:
        with self.lock:
            self.steps.append(nanoseconds)
            self.time += nanoseconds


def clock_file(path: Path, now: int = START, speed: float = 0.0, real_start: int = 0) -> str:
    path.write_bytes(LAYOUT.pack(MAGIC, now, speed, real_start, now))
    return str(path)


def follower_of(exchange: Exchange, path: Path) -> Follower:
    follower = Follower(ClockReader(clock_file(path)), ClockMover("127.0.0.1", 1))
    follower.clock.now = exchange.now  # type: ignore[method-assign]
    follower.sleepers = Sleepers(exchange.now, exchange.advance)
    return follower


def as_if_in(module: str, function: Callable[..., object]) -> Callable[..., object]:
    """A function whose code belongs to a module of this name."""
    namespace = {"__name__": module, "function": function}
    exec("def call(*arguments): return function(*arguments)", namespace)
    call = namespace["call"]
    assert isinstance(call, FunctionType)
    return call


@pytest.mark.parametrize(
    ("module", "is_real"),
    [
        ("__main__", False),
        ("mybot.strategy", False),
        ("requestsx", False),
        ("sched", False),
        ("disorderbook.runner.instances", False),
        ("requests.sessions", True),
        ("urllib3.util.timeout", True),
        ("asyncio.base_events", True),
        ("concurrent.futures._base", True),
        ("disorderbook.client.listener", True),
    ],
)
def test_libraries_that_wait_for_real_things_keep_real_time(module: str, is_real: bool) -> None:
    assert as_if_in(module, asks_for_real_time)() is is_real
    passed_on = as_if_in("queue", as_if_in("threading", asks_for_real_time))
    assert as_if_in(module, passed_on)() is is_real


def test_the_clock_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    clock = ClockReader(clock_file(path))
    assert (clock.now(), clock.speed) == (START, 0.0)
    with path.open("r+b") as file:
        file.write(LAYOUT.pack(MAGIC, START + 5, 0.0, 0, START + 5))
    assert clock.now() == START + 5


def test_a_faster_clock_goes_by_itself(tmp_path: Path) -> None:
    begun = time.monotonic_ns() - 3 * SECOND
    clock = ClockReader(clock_file(tmp_path / "clock", speed=100.0, real_start=begun))
    assert START + 300 * SECOND <= clock.now() < START + 3000 * SECOND


@pytest.mark.parametrize("content", [b"", b"x" * LAYOUT.size])
def test_another_file_is_no_clock(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "clock").write_bytes(content)
    with pytest.raises(ValueError):
        ClockReader(str(tmp_path / "clock"))


def test_a_sleep_has_the_clock_moved_and_takes_no_time(tmp_path: Path) -> None:
    exchange = Exchange()
    follower = follower_of(exchange, tmp_path / "clock")
    follower.sleep(2.5)
    assert exchange.steps == [2.5 * SECOND]
    follower.sleep(3 * 3600 + 1)
    assert exchange.steps[1:] == [3600 * SECOND] * 3 + [SECOND]
    follower.sleep(0)
    with pytest.raises(ValueError):
        follower.sleep(-1)
    assert len(exchange.steps) == 5


def test_threads_that_sleep_wake_in_the_order_of_their_moments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange, woken = Exchange(), list[tuple[int, str]]()
    follower = follower_of(exchange, tmp_path / "clock")
    # However slow the machine is, time waits for each of them, and for no other thread.
    monkeypatch.setattr(exchange_time, "BUSY_SECONDS", 60.0)
    others = (thread.ident for thread in threading.enumerate())
    follower.sleepers._away.update(ident for ident in others if ident is not None)
    have_begun = threading.Barrier(len(SLEEPS))

    def work(name: str, seconds: int, times: int) -> None:
        have_begun.wait()
        for _ in range(times):
            follower.sleep(seconds)
            woken.append(((exchange.time - START) // SECOND, name))

    threads = [threading.Thread(target=work, args=arguments, daemon=True) for arguments in SLEEPS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert exchange.time == START + 30 * SECOND
    expected = [(n * seconds, name) for name, seconds, times in SLEEPS for n in range(1, times + 1)]
    assert sorted(woken) == sorted(expected)
    assert [when for when, _ in woken] == sorted(when for when, _ in woken)


def test_waiting_for_an_event_that_never_comes_is_a_pause(tmp_path: Path) -> None:
    exchange, event = Exchange(), threading.Event()
    follower = follower_of(exchange, tmp_path / "clock")
    for _ in range(3):
        assert follower.event_wait(event, 4.0) is False
    assert exchange.time == START + 12 * SECOND
    event.set()
    assert follower.event_wait(event, 4.0) is True and len(exchange.steps) == 3


def test_an_event_that_another_thread_sets_ends_the_wait(tmp_path: Path) -> None:
    exchange, event = Exchange(), threading.Event()
    follower = follower_of(exchange, tmp_path / "clock")
    thread = threading.Thread(target=event.set)
    thread.start()
    assert follower.event_wait(event, 3600.0) is True
    assert exchange.time == START
    thread.join()


def test_a_sleep_is_ended_by_an_event_that_a_thread_sets_meanwhile(tmp_path: Path) -> None:
    exchange, event = Exchange(), threading.Event()
    follower = follower_of(exchange, tmp_path / "clock")
    follower.event_wait(event, 1.0)  # from now on a pause
    is_set = list[bool]()
    moved = exchange.advance

    def advance(nanoseconds: int) -> None:
        if threading.current_thread() is threading.main_thread():
            moved(nanoseconds)
        else:
            event.set()  # while the thread has time go on, and before its moment
            moved(1)

    follower.sleepers = Sleepers(exchange.now, advance)
    thread = threading.Thread(target=lambda: is_set.append(follower.event_wait(event, 50.0)))
    thread.start()
    thread.join(60)
    assert is_set == [True] and exchange.time < START + 50 * SECOND


def test_a_condition_keeps_its_rules(tmp_path: Path) -> None:
    exchange, condition = Exchange(), threading.Condition()
    follower = follower_of(exchange, tmp_path / "clock")
    with condition:
        assert follower.condition_wait(condition, 7.0) is False
        assert condition._is_owned() and not condition._waiters  # type: ignore[attr-defined]
    assert exchange.time == START + 7 * SECOND


def test_without_an_exchange_a_sleep_is_real(tmp_path: Path) -> None:
    exchange = Exchange()
    follower = follower_of(exchange, tmp_path / "clock")

    def unreachable(nanoseconds: int) -> None:
        raise Unreachable("gone")

    follower.sleepers = Sleepers(exchange.now, unreachable)
    begun = time.monotonic()
    follower.sleep(0.05)
    assert time.monotonic() - begun >= 0.05


def test_the_mover_says_when_nobody_answers() -> None:
    with pytest.raises(Unreachable):
        ClockMover("127.0.0.1", 1).advance(SECOND)


def test_it_runs_in_pythons_that_are_older_than_this_one() -> None:
    folder = Path(exchange_time.__file__).parent
    for path in folder.glob("*.py"):
        tree = ast.parse(path.read_text(), feature_version=(3, 8))
        imported = {
            name.split(".")[0]
            for node in ast.walk(tree)
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        assert imported <= {*sys.stdlib_module_names, "exchange_time"}, path
    assert struct.calcsize(LAYOUT.format) == 40


def test_tasks_that_sleep_wake_in_the_order_of_their_moments(tmp_path: Path) -> None:
    exchange, woken = Exchange(), list[tuple[int, str]]()
    sleeps = TaskSleeps(follower_of(exchange, tmp_path / "clock"), asyncio)

    async def work(name: str, seconds: int, times: int) -> None:
        for _ in range(times):
            assert await sleeps.sleep(seconds, name) == name
            woken.append(((exchange.time - START) // SECOND, name))

    async def work_together() -> None:
        given_up = asyncio.create_task(work("never", 1, 1))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.gather(*(work(*each) for each in SLEEPS))

    asyncio.run(work_together())
    expected = [(n * seconds, name) for name, seconds, times in SLEEPS for n in range(1, times + 1)]
    assert sorted(woken) == sorted(expected)
    assert [when for when, _ in woken] == sorted(when for when, _ in woken)
    asyncio.run(work("again", 1, 1))  # in another loop
    assert exchange.time == START + 31 * SECOND


def test_a_loop_tells_its_program_the_exchanges_time_and_itself_the_real_one(
    tmp_path: Path,
) -> None:
    sleeps = TaskSleeps(follower_of(Exchange(), tmp_path / "clock"), asyncio)
    loop = asyncio.new_event_loop()
    assert sleeps.time(loop) == START / SECOND
    assert as_if_in("asyncio.base_events", sleeps.time)(loop) == pytest.approx(loop.time(), abs=60)
    called = list[int]()
    sleeps.call_at(loop, START / SECOND + 0.01, called.append, 1)
    loop.call_later(0.05, loop.stop)
    loop.run_forever()
    loop.close()
    assert called == [1]


def test_a_condition_must_be_held(tmp_path: Path) -> None:
    follower, condition = follower_of(Exchange(), tmp_path / "clock"), threading.Condition()
    with pytest.raises(RuntimeError, match="un-acquired"):
        follower.condition_wait(condition, 1.0)
    assert not condition._waiters  # type: ignore[attr-defined]


def answering(*answers: bytes | None) -> tuple[ClockMover, list[bytes], threading.Thread]:
    """A mover, what it sends, and the thread of a server that gives these answers; it closes the
    connection where there is None.
    """
    server, asked = socket.create_server(("127.0.0.1", 0)), list[bytes]()

    def serve() -> None:
        peer, _ = server.accept()
        for answer in answers:
            if answer is None:
                peer.close()
                peer, _ = server.accept()
                continue
            asked.append(peer.recv(65536))
            for part in (answer[:20], answer[20:]):
                peer.sendall(part)
        peer.close()
        server.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return ClockMover("127.0.0.1", server.getsockname()[1]), asked, thread


OK = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"ok":true}'


def test_the_mover_keeps_its_connection_and_makes_another_when_it_was_closed() -> None:
    mover, asked, thread = answering(OK, OK, None, OK)
    mover.advance(SECOND // 2)
    mover.advance(SECOND)
    mover.advance(SECOND)
    thread.join(60)
    assert [each.partition(b"\r\n\r\n")[2] for each in asked] == [
        b'{"advance": 0.500000000}',
        b'{"advance": 1.000000000}',
        b'{"advance": 1.000000000}',
    ]


def test_the_mover_says_when_the_clock_is_not_moved() -> None:
    refusal = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}"
    for answers in ((refusal,), (b"HTTP/1.1 200 OK\r\n",), (b"x" * 200_000,)):
        mover, _, thread = answering(*answers)
        with pytest.raises(Unreachable):
            mover.advance(SECOND)
        assert mover._idle == [] or answers == (refusal,)
        thread.join(60)


def test_processes_that_sleep_at_once_have_the_clock_moved_once(tmp_path: Path) -> None:
    """Another process holds the clock, and has moved it further when it lets go."""
    exchange = Exchange()
    follower = follower_of(exchange, tmp_path / "clock")

    @contextmanager
    def move() -> Iterator[None]:
        exchange.time += 3 * SECOND
        yield

    follower.sleepers = Sleepers(exchange.now, exchange.advance, move)
    follower.sleep(2)
    follower.sleep(5)
    assert exchange.steps == [2 * SECOND] and exchange.time == START + 8 * SECOND


def test_one_process_moves_the_clock_at_a_time(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    path = clock_file(tmp_path / "clock")
    code = f"""if True:
        import fcntl
        with open({path!r}, "r+b") as file:
            try: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError: print("held")
            else: print("free")
    """
    clock = ClockReader(path)

    def told() -> str:
        return subprocess.run(
            [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True
        ).stdout

    with clock.move():
        assert told() == "held\n"
    assert fcntl and told() == "free\n"
