"""Has a Python program's time be that of the exchange it trades at.

`time.time`, `time.monotonic`, their `_ns`, `time.localtime` and its like, `datetime.now`, `utcnow`
and `today` read the exchange's clock from a small file, which costs no request. Where the
clock stands still until somebody moves it, `time.sleep`, `asyncio.sleep` and the waits of
`threading` and `queue` with a timeout have the exchange move it (POST /api/v1/clock); under a
faster clock they take as much less real time. Everything else stays real, above all the timeouts of
sockets, `time.perf_counter`, `Thread.join` and `Lock.acquire`. So does all that the modules named
in REAL ask for: what looks after connections, workers and terminals waits for real things.

**Several threads.** A sleep ends at a moment of the exchange's clock, and time goes on only to the
earliest of these moments. Before it does, every other thread must be asleep as well, or have been
busy for longer than BUSY_SECONDS; then time goes on without that thread until it sleeps again. A
wait that something may end early (an event, a queue) first gives others a little real time for it.
Several processes do not know of each other's sleeps: each has time go on to its own moments.

The module needs nothing but Python's own library, from 3.8 on.
"""

# ruff: noqa: UP017, UP035  # older Pythons have neither datetime.UTC nor Callable[...] elsewhere

from __future__ import annotations

import _thread
import datetime
import heapq
import mmap
import os
import struct
import sys
import threading
import time
import weakref
from contextlib import contextmanager, nullcontext
from itertools import count
from types import FrameType
from typing import Any, Callable, ContextManager, Iterator, NamedTuple

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

FILE_VARIABLE, URL_VARIABLE = "DISORDERBOOK_CLOCK_FILE", "DISORDERBOOK_URL"

# The file: MAGIC; the clock's nanoseconds since 1970; simulated seconds in a real one, or 0 if the
# clock stands still until it is moved; the machine's monotonic nanoseconds at which a faster clock
# showed its time; the time once more, so that a reader sees whether it was being changed.
MAGIC = b"DBCLOCK1"
LAYOUT = struct.Struct("<8sqdqq")

LONGEST_ADVANCE = 3600.0  # seconds that one request asks for; a longer sleep is several
BUSY_SECONDS = 0.05  # real ones, that a thread may be busy before time goes on without it
LOOK_SECONDS = 0.002  # real ones, between two looks at whether it still is
FIRST_SECONDS = 0.1  # real ones, that others have to end the first wait for an event
QUEUE_SECONDS = 0.002  # real ones, that others have to end a wait for a queue or a condition
TASK_SECONDS = 0.002  # real ones, that other tasks have before a sleep of asyncio goes on
ANSWER_SECONDS = 60.0  # for the exchange to answer
MOST_HEAD_BYTES = 65536  # of its answer

REAL = frozenset(
    "IPython aiohttp anyio asyncio concurrent debugpy eventlet gevent http httpcore httpx ipykernel"
    " multiprocessing pydevd pytest requests rich selectors socket socketserver ssl subprocess"
    " tornado tqdm trio twisted urllib urllib3 websocket websockets xmlrpc zmq"
    " disorderbook.client".split()
)
PASSED_ON = frozenset(("threading", "queue", __name__))  # who ask for somebody else

_time, _time_ns, _sleep = time.time, time.time_ns, time.sleep
_monotonic, _monotonic_ns = time.monotonic, time.monotonic_ns
_condition_wait = threading.Condition.wait
_event_wait = threading.Event.wait


# ---- who asks


_is_real: dict[str, bool] = {}  # by module, for those that have asked


def asks_for_real_time() -> bool:
    """Whether whoever has called one of our functions is a library that needs real time."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__") or ""
        if name not in PASSED_ON:
            found = _is_real.get(name)
            if found is None:
                parts = name.split(".")
                found = any(".".join(parts[: n + 1]) in REAL for n in range(len(parts)))
                _is_real[name] = found
            return found
        frame = frame.f_back
    return False


# ---- the clock


class Unreachable(Exception):
    """The exchange does not move its clock (any more)."""


class ClockReader:
    """The exchange's clock as its file shows it; raises OSError or ValueError for another file."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "r+b", buffering=0)  # noqa: SIM115
        self._memory = mmap.mmap(self._file.fileno(), LAYOUT.size, access=mmap.ACCESS_READ)
        magic, self._start, self.speed, self._real_start, _ = LAYOUT.unpack(self._memory)
        if magic != MAGIC:
            raise ValueError(f"{path} is no clock")

    def now(self) -> int:
        """Nanoseconds since 1970."""
        if self.speed:
            gone = int((_monotonic_ns() - self._real_start) * self.speed)
            return int(self._start) + gone
        while True:
            _, now, _, _, again = LAYOUT.unpack(self._memory)
            if now == again:
                return int(now)

    @contextmanager
    def move(self) -> Iterator[None]:
        """No other process moves the clock within the block, so this one sees how far it is."""
        if fcntl is None:
            yield
            return
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)


class ClockMover:
    """Asks the exchange at a host and port to move its clock, over connections of its own. Any
    thread may use it, and a signal handler, too.
    """

    def __init__(self, host: str, port: int) -> None:
        self.address = host, port
        self._idle: list[Any] = []  # connections

    def advance(self, nanoseconds: int) -> None:
        """Have it go on by so much; returns when all has happened. Raises Unreachable."""
        body = b'{"advance": %.9f}' % (nanoseconds / 1e9)
        try:
            status = self._answer(body, self._idle.pop())
        except (IndexError, OSError):  # there is none, or the exchange has closed it meanwhile
            try:
                status = self._answer(body, self._connect())
            except OSError as fault:
                raise Unreachable(str(fault)) from None
        if status != b"200":
            raise Unreachable(f"status {status!r}")

    def _connect(self) -> Any:
        import socket

        connection = socket.create_connection(self.address, ANSWER_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _answer(self, body: bytes, connection: Any) -> bytes:
        """The status of the answer. Whatever interrupts this, the connection is not used again."""
        try:
            host, port = self.address
            head = f"POST /api/v1/clock HTTP/1.1\r\nHost: {host}:{port}\r\n"
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            status = _status_of(connection)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return status


def _status_of(connection: Any) -> bytes:
    """Read one answer to its end; raises OSError if there is none."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _more(connection, len(answer))
    head, _, rest = answer.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    lengths = [line[15:] for line in lines if line.startswith(b"content-length:")]
    missing = int(lengths[0]) - len(rest) if lengths else 0
    while missing > 0:
        missing -= len(_more(connection, 0))
    return lines[0].split()[1]


def _more(connection: Any, already: int) -> bytes:
    part: bytes = connection.recv(4096)
    if not part or already > MOST_HEAD_BYTES:
        raise OSError("no answer")
    return part


# ---- threads that sleep


class Sleeper:
    """One sleep of one thread until a moment. It can stand for a lock among those that a Condition
    releases to wake whoever waits: that ends the sleep early.
    """

    def __init__(self, target: int, number: int) -> None:
        self.target, self.number = target, number
        self.thread = _thread.get_ident()
        self.is_woken = False
        self._signal = _thread.allocate_lock()
        self._signal.acquire()

    def __lt__(self, other: Sleeper) -> bool:
        return (self.target, self.number) < (other.target, other.number)

    def release(self) -> None:
        """Wake it: what it waits for has come."""
        self.is_woken = True
        self.notify()

    def notify(self) -> None:
        """Have it look again whether time is up."""
        try:
            self._signal.release()
        except RuntimeError:  # it has been notified already
            pass

    def wait(self, seconds: float) -> None:
        """Wait for `notify`, so many real seconds at most."""
        self._signal.acquire(True, seconds)

    def wait_until_woken(self, seconds: float) -> None:
        """Wait for `release`, so many real seconds at most."""
        deadline = _monotonic() + seconds
        while not self.is_woken and _monotonic() < deadline:
            self.wait(deadline - _monotonic())


class Sleepers:
    """All sleeps of a process. `advance` moves the clock by nanoseconds, in a block of `move`; it
    may raise Unreachable.
    """

    def __init__(
        self,
        now: Callable[[], int],
        advance: Callable[[int], None],
        move: Callable[[], ContextManager[None]] = nullcontext,
    ) -> None:
        self.now, self._advance, self._move = now, advance, move
        self.forget()

    def forget(self) -> None:
        """Nobody sleeps: so it is in a process that was forked just now."""
        self._lock = threading.RLock()  # a signal handler may sleep, too
        self._numbers = count()
        self._queue: list[Sleeper] = []
        self._asleep: set[int] = set()  # threads
        self._away: set[int] = (
            set()
        )  # threads that were busy for too long, and have not slept since
        self._is_advancing = False

    def sleeper(self, nanoseconds: int) -> Sleeper:
        """A sleep of this thread, for so long from now."""
        return Sleeper(self.now() + nanoseconds, next(self._numbers))

    def sleep(self, sleeper: Sleeper) -> bool:
        """Sleep until the moment, or until woken; returns whether it was the latter."""
        with self._lock:
            heapq.heappush(self._queue, sleeper)
            self._asleep.add(sleeper.thread)
            self._away.discard(sleeper.thread)
            self._queue[0].notify()
        try:
            while not sleeper.is_woken and self.now() < sleeper.target:
                self._pass_time(sleeper)
        except Unreachable:  # so time is what the machine says
            sleeper.wait_until_woken((sleeper.target - self.now()) / 1e9)
        finally:
            with self._lock:
                self._queue.remove(sleeper)
                heapq.heapify(self._queue)
                self._asleep.discard(sleeper.thread)
                if self._queue:
                    self._queue[0].notify()
        return sleeper.is_woken

    def _pass_time(self, sleeper: Sleeper) -> None:
        with self._lock:
            is_first = self._queue[0] is sleeper and not self._is_advancing
            busy = self._busy() if is_first else set()
            self._is_advancing = self._is_advancing or (is_first and not busy)
        if not is_first:
            sleeper.wait(1.0)
        elif busy:
            self._wait_for(busy, sleeper)
        else:
            self._go_on_to(sleeper.target)

    def _busy(self) -> set[int]:
        """Threads that time does not go on without."""
        alive = {thread.ident for thread in threading.enumerate() if thread.ident is not None}
        self._away &= alive
        return alive - self._asleep - self._away

    def _wait_for(self, busy: set[int], sleeper: Sleeper) -> None:
        deadline = _monotonic() + BUSY_SECONDS
        while busy and not sleeper.is_woken and self._queue[0] is sleeper:
            if _monotonic() >= deadline:
                with self._lock:
                    self._away |= busy
                return
            sleeper.wait(LOOK_SECONDS)
            with self._lock:
                busy &= self._busy()

    def _go_on_to(self, target: int) -> None:
        try:
            with self._move():
                before = self.now()
                if before < target:
                    self._advance(min(target - before, int(LONGEST_ADVANCE * 1e9)))
            if self.now() <= before < target:
                raise Unreachable("the clock stands still")
        finally:
            with self._lock:
                self._is_advancing = False
                now = self.now()
                for each in self._queue:
                    if each.target <= now:
                        each.notify()


# ---- what a program calls


class Follower:
    """The functions that take the place of Python's, with the clock that they follow."""

    def __init__(self, clock: ClockReader, mover: ClockMover) -> None:
        self.clock, self._mover = clock, mover
        self.sleepers = Sleepers(clock.now, mover.advance, clock.move)
        self._paused: weakref.WeakSet[Any] = weakref.WeakSet()  # events waited for in vain before

    def forked(self) -> None:
        """This is a child of the process that had the connection and the threads."""
        self._mover = ClockMover(*self._mover.address)
        self.sleepers = Sleepers(self.clock.now, self._mover.advance, self.clock.move)

    def time(self) -> float:
        return _time() if asks_for_real_time() else self.clock.now() / 1e9

    def time_ns(self) -> int:
        return _time_ns() if asks_for_real_time() else self.clock.now()

    def monotonic(self) -> float:
        return _monotonic() if asks_for_real_time() else self.clock.now() / 1e9

    def monotonic_ns(self) -> int:
        return _monotonic_ns() if asks_for_real_time() else self.clock.now()

    def sleep(self, seconds: float) -> None:
        if asks_for_real_time() or not seconds > 0:
            _sleep(seconds)
        elif self.clock.speed:
            _sleep(seconds / self.clock.speed)
        else:
            self.sleepers.sleep(self.sleepers.sleeper(_nanoseconds(seconds)))

    def sleep_until(self, target: int) -> None:
        """Sleep until a moment, nanoseconds since 1970."""
        rest = target - self.clock.now()
        if rest > 0:
            self.sleepers.sleep(self.sleepers.sleeper(rest))

    def condition_wait(self, condition: Any, timeout: float | None = None) -> bool:
        """Condition.wait. The lock of the condition is held."""
        if timeout is None or timeout <= 0 or asks_for_real_time():
            return _condition_wait(condition, timeout)
        return self._wait(condition, timeout, QUEUE_SECONDS)

    def event_wait(self, event: Any, timeout: float | None = None) -> bool:
        """Event.wait. An event that nobody has set in time once is waited for to have a pause."""
        if timeout is None or timeout <= 0 or asks_for_real_time():
            return _event_wait(event, timeout)
        with event._cond:
            if event._flag:
                return True
            patience = 0.0 if event in self._paused else FIRST_SECONDS
            is_set = self._wait(event._cond, timeout, patience)
            if not is_set:
                self._paused.add(event)
            return is_set

    def _wait(self, condition: Any, timeout: float, patience: float) -> bool:
        """Wait as a condition does, after so many real seconds in which others may end it."""
        if self.clock.speed:
            return _condition_wait(condition, timeout / self.clock.speed)
        if not condition._is_owned():
            raise RuntimeError("cannot wait on un-acquired lock")
        if patience and threading.active_count() > 1 and _condition_wait(condition, patience):
            return True
        sleeper = self.sleepers.sleeper(_nanoseconds(timeout))
        condition._waiters.append(sleeper)
        state = condition._release_save()
        is_woken = False
        try:
            is_woken = self.sleepers.sleep(sleeper)
        finally:
            condition._acquire_restore(state)
            if not is_woken:
                try:
                    condition._waiters.remove(sleeper)
                except ValueError:  # it was woken just now
                    is_woken = True
        return is_woken


def _nanoseconds(seconds: float) -> int:
    return max(1, int(min(float(seconds), threading.TIMEOUT_MAX) * 1e9))


# ---- putting them in their places


def begin() -> None:
    """Follow the clock that the environment names, if it names one."""
    path = os.environ.get(FILE_VARIABLE)
    if not path:
        return
    try:
        clock, address = ClockReader(path), _address(os.environ.get(URL_VARIABLE, ""))
    except (OSError, ValueError) as fault:
        sys.stderr.write(f"disorderbook: time stays real: {fault}\n")
        return
    follow(clock, ClockMover(*address))


def _address(url: str) -> tuple[str, int]:
    host, colon, port = url.partition("://")[2].partition("/")[0].rpartition(":")
    if not colon:
        raise ValueError(f"{URL_VARIABLE} has no address with a port")
    return host, int(port)


def follow(clock: ClockReader, mover: ClockMover) -> None:
    """Have all time of this process be that of a clock from now on, but for REAL."""
    follower = Follower(clock, mover)
    _follow_in_time(follower)
    _follow_in_datetime(follower)
    _follow_in_threading(follower)
    _after_import("asyncio", lambda asyncio: _follow_in_asyncio(follower, asyncio))
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=follower.forked)


def _follow_in_time(follower: Follower) -> None:
    for name in ("time", "time_ns", "monotonic", "monotonic_ns", "sleep"):
        setattr(time, name, getattr(follower, name))
    for name in ("localtime", "gmtime", "ctime"):
        setattr(time, name, _of_now(follower, getattr(time, name)))
    strftime, asctime, localtime = time.strftime, time.asctime, time.localtime
    time.strftime = lambda form, when=None: strftime(form, localtime() if when is None else when)
    time.asctime = lambda when=None: asctime(localtime() if when is None else when)


def _of_now(follower: Follower, function: Any) -> Any:
    """A function of seconds since 1970, which are those of now if none are given."""

    def of_now(seconds: float | None = None) -> Any:
        if seconds is None and not asks_for_real_time():
            seconds = follower.clock.now() // 10**9
        return function(seconds)

    return of_now


class RealToo(type):
    """Of a class that takes the place of Python's own one, whose objects are of it, too."""

    def __instancecheck__(cls, instance: object) -> bool:
        real = cls.__dict__.get("real", ())
        return isinstance(instance, real) or type.__instancecheck__(cls, instance)

    def __subclasscheck__(cls, other: type) -> bool:
        real = cls.__dict__.get("real", ())
        return issubclass(other, real) or type.__subclasscheck__(cls, other)


def _follow_in_datetime(follower: Follower) -> None:
    """The classes are made here, since a program may import this module once more, by the package:
    Python's own ones are not in their places then.
    """

    class FollowingDate(datetime.date, metaclass=RealToo):
        real = datetime.date

        @classmethod
        def today(cls) -> Any:
            return cls.fromtimestamp(follower.time_ns() // 10**9)

    class FollowingDatetime(datetime.datetime, metaclass=RealToo):
        real = datetime.datetime

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            seconds, rest = divmod(follower.time_ns(), 10**9)
            return cls.fromtimestamp(seconds, tz).replace(microsecond=rest // 1000)

        @classmethod
        def utcnow(cls) -> Any:
            return cls.now(datetime.timezone.utc).replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            return cls.now()

    for kind, name in ((FollowingDate, "date"), (FollowingDatetime, "datetime")):
        kind.__name__ = kind.__qualname__ = name
        kind.__module__ = "datetime"
        setattr(datetime, name, kind)


def _follow_in_threading(follower: Follower) -> None:
    def condition_wait(self: Any, timeout: float | None = None) -> bool:
        return follower.condition_wait(self, timeout)

    def event_wait(self: Any, timeout: float | None = None) -> bool:
        return follower.event_wait(self, timeout)

    threading.Condition.wait = condition_wait  # type: ignore[method-assign]
    threading.Event.wait = event_wait  # type: ignore[method-assign]
    threading._time = follower.monotonic  # type: ignore[attr-defined]
    if "queue" in sys.modules:
        sys.modules["queue"].time = follower.monotonic  # type: ignore[attr-defined]


class TaskSleep(NamedTuple):
    """A sleep of a task: until when (nanoseconds since 1970), and what is done then."""

    target: int
    number: int
    future: Any


class TaskSleeps:
    """`asyncio.sleep` on the exchange's clock. Other timers of a loop stay real, since they mostly
    are timeouts of connections.
    """

    def __init__(self, follower: Follower, asyncio: Any) -> None:
        self._follower, self._asyncio = follower, asyncio
        self._sleep, self._loop_time = asyncio.sleep, asyncio.BaseEventLoop.time
        self._call_at = asyncio.BaseEventLoop.call_at
        self._queues: weakref.WeakKeyDictionary[Any, list[TaskSleep]] = weakref.WeakKeyDictionary()
        self._tasks: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()

    def sleep(self, delay: float, result: Any = None, **more: Any) -> Any:
        if asks_for_real_time() or not delay > 0:
            return self._sleep(delay, result, **more)
        if self._follower.clock.speed:
            return self._sleep(delay / self._follower.clock.speed, result, **more)
        return self._follow(delay, result)

    def time(self, loop: Any) -> float:
        """What `loop.time()` tells the program."""
        return self._loop_time(loop) if asks_for_real_time() else self._follower.monotonic()

    def call_at(self, loop: Any, when: float, callback: Any, *args: Any, **more: Any) -> Any:
        """As much later in real time as the moment is on the exchange's clock."""
        if not asks_for_real_time():
            when = self._loop_time(loop) + (when - self._follower.monotonic())
        return self._call_at(loop, when, callback, *args, **more)

    async def _follow(self, delay: float, result: Any) -> Any:
        loop = self._asyncio.get_running_loop()
        sleeper = self._follower.sleepers.sleeper(_nanoseconds(delay))
        queue = self._queues.setdefault(loop, [])
        future = loop.create_future()
        heapq.heappush(queue, TaskSleep(sleeper.target, sleeper.number, future))
        if loop not in self._tasks:
            self._tasks[loop] = loop.create_task(self._go_on(loop, queue))
        await future
        return result

    async def _go_on(self, loop: Any, queue: list[TaskSleep]) -> None:
        """Have time go on for as long as a task of the loop sleeps."""
        try:
            while queue:
                await self._let_others_act(loop, queue)
                self._pass_time(queue)
        finally:
            del self._tasks[loop]

    async def _let_others_act(self, loop: Any, queue: list[TaskSleep]) -> None:
        for _ in range(2):
            await self._sleep(0)
        asleep = sum(not each.future.done() for each in queue)
        if len(self._asyncio.all_tasks(loop)) - 1 > asleep:
            await self._sleep(TASK_SECONDS)

    def _pass_time(self, queue: list[TaskSleep]) -> None:
        """Go on to the first moment, and wake whose time is up."""
        while queue and queue[0].future.done():  # it was cancelled
            heapq.heappop(queue)
        if queue:
            self._follower.sleep_until(queue[0].target)
        while queue and queue[0].target <= self._follower.clock.now():
            future = heapq.heappop(queue).future
            if not future.done():
                future.set_result(None)


def _follow_in_asyncio(follower: Follower, asyncio: Any) -> None:
    sleeps, loop = TaskSleeps(follower, asyncio), asyncio.BaseEventLoop
    asyncio.sleep = asyncio.tasks.sleep = sleeps.sleep
    loop.time = lambda self: sleeps.time(self)
    loop.call_at = lambda self, *args, **more: sleeps.call_at(self, *args, **more)


def _after_import(name: str, change: Callable[[Any], None]) -> None:
    """Change a module once it is imported, which costs no program anything that does not use it."""
    if name in sys.modules:
        change(sys.modules[name])
    else:
        sys.meta_path.insert(0, _Importing(name, change))


class _Importing:
    """A finder that changes one module after somebody else has found and run it."""

    def __init__(self, name: str, change: Callable[[Any], None]) -> None:
        self._name, self._change = name, change

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != self._name:
            return None
        import importlib.util

        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        loader: Any = spec.loader if spec is not None else None
        if loader is not None:
            run = loader.exec_module

            def exec_module(module: Any) -> None:
                run(module)
                self._change(module)

            loader.exec_module = exec_module
        return spec
