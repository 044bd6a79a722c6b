# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
How old quotes are, and whether trades are missing, after a NATS server was away for a minute.

Needs nats-server and the extra [nats]. Twice, at the same time: an exchange that trades at an even
pace and publishes, a NATS server, a subscriber there, and a relay with a listener to its ticks. One
of the servers is killed (SIGKILL) and started again, the other one stands still (SIGSTOP, SIGCONT).
The age of a quote when it arrives is counted from when the exchange read it: from
Disorderbook-Read, or else, and behind the relay, from its quoteTime. A book of its own changes only
before the outage and at its beginning.

The status is 1 if a trade is missing that no number tells, or if a quote that was older than
--oldest arrived after the outage, besides those at the subscriber which were under way when the
server stopped.

    python3 benchmarks/outage.py [--seconds 65] [--around 4] [--rate 40] [--oldest 1] [--how killed]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import asyncio
import calendar
import json
import re
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, NamedTuple

from options import MAIN, Options, between, run
from relay import PING, PONG, Listener, Market, NatsServer, Process

KILLED, STOPPED = "killed", "stopped"
PATIENCE = 20.0  # seconds for a process to start, and for what comes last
UNDER_WAY = 0.5  # seconds after a server has stopped, in which a batch may be sent to it
TICKS = "/ob/api/ws/-/venues/TESTEX/tickertape/stocks/FOOBAR"
STAMP = re.compile(rb'"quoteTime":"([^"]+)"')


class Quote(NamedTuple):
    """One that has arrived; times are those of time.time()."""

    at: float
    read: float

    @property
    def age(self) -> float:
        return self.at - self.read


class Subscriber:
    """Hears quotes and trades at the server, by nats-py in a thread of its own."""

    def __init__(self, url: str) -> None:
        self.quotes: list[Quote] = []
        self.trades: list[int] = []  # their numbers
        self.is_ready = threading.Event()
        self._url = url
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._hear()))
        self._thread.start()

    async def _hear(self) -> None:
        from nats.aio.client import Client

        async def hear_of(_: Exception) -> None:
            pass

        client = Client()
        await client.connect(
            self._url, max_reconnect_attempts=-1, reconnect_time_wait=0, error_cb=hear_of
        )
        await client.subscribe("disorderbook.>", cb=self._take)
        await client.flush()
        self.is_ready.set()
        await self._over.wait()
        await client.close()

    async def _take(self, message: Any) -> None:
        if message.subject.endswith(".quote"):
            read = message.headers.get("Disorderbook-Read")
            read = read or json.loads(message.data)["quote"]["quoteTime"]
            self.quotes.append(Quote(time.time(), seconds(read)))
        elif message.subject.endswith(".FOOBAR.trade"):
            self.trades.append(int(message.headers["Disorderbook-Trade"]))

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(PATIENCE)


class Ticks:
    """Hears ticks from a relay, in a thread of its own."""

    def __init__(self, port: int) -> None:
        self.quotes: list[Quote] = []
        self.is_closed = False
        self._socket = Listener(port, TICKS).socket
        self._socket.settimeout(None)
        self._thread = threading.Thread(target=self._hear)
        self._thread.start()

    def _hear(self) -> None:
        tail = b""
        while arrived := self._socket.recv(1 << 16):
            now, piece = time.time(), tail + arrived
            if PING in arrived:
                self._socket.send(PONG)
            end = 0
            for found in STAMP.finditer(piece):
                self.quotes.append(Quote(now, seconds(found[1].decode())))
                end = found.end()
            tail = piece[end:]
        self.is_closed = True

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)


class Outcome(NamedTuple):
    """Of one outage, from `began` to `ended`."""

    how: str
    began: float
    ended: float
    made: int  # trades
    trades: list[int]
    lost: int  # messages, as the exchange counts them
    conflated: int
    quotes: list[Quote]
    ticks: list[Quote]

    def print(self, oldest: float) -> bool:
        """Whether all is well, and no quote older than so many seconds."""
        heard = set(self.trades)
        missing = self.made - len(heard)
        repeated = len(self.trades) - len(heard)
        print(
            f"server {self.how} for {self.ended - self.began:.1f} s: {self.made} trades, of which"
            f" {missing} are missing and {repeated} came twice; {self.conflated} quotes conflated,"
            f" {self.lost} messages lost"
        )
        under_way = [each for each in self.quotes if self._is_under_way(each)]
        quotes = [each for each in self.quotes if not self._is_under_way(each)]
        lines = {
            "subscriber, before": [each for each in quotes if each.at < self.began],
            "subscriber, after": [each for each in quotes if each.at >= self.began],
            "subscriber, under way": under_way,
            "relay, before": [each for each in self.ticks if each.at < self.began],
            "relay, after": [each for each in self.ticks if each.at >= self.began],
        }
        for name, some in lines.items():
            ages = [each.age for each in some]
            late = sum(age > oldest for age in ages)
            worst = f", oldest {max(ages):7.3f} s" if ages else ""
            print(f"  {name:22} {len(some):5} quotes, {late:3} over {oldest:g} s{worst}")
        after = lines["subscriber, after"] + lines["relay, after"]
        return missing == self.lost == 0 and all(each.age <= oldest for each in after)

    def _is_under_way(self, quote: Quote) -> bool:
        return self.how == STOPPED and quote.read < self.began + UNDER_WAY < quote.at


def seconds(stamp: str) -> float:
    """Since 1970, of a time such as 2016-01-17T22:43:07.123456789Z."""
    whole = calendar.timegm(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S"))
    return whole + float(f"0{stamp[19:].rstrip('Z')}" or 0)


def measure(how: str, options: argparse.Namespace) -> Outcome:
    with ExitStack() as stack:
        server = stack.enter_context(NatsServer())
        command = [sys.executable, str(MAIN)]
        own = ["-p", "0", "--publish", server.url, "--publish-executions"]
        exchange = stack.enter_context(Process(*command, *own))
        relay = stack.enter_context(Process(*command, "relay", server.url, "-p", "0"))
        port = int(exchange.line().split()[-1])
        subscriber = Subscriber(server.url)
        stack.callback(subscriber.close)
        subscriber.is_ready.wait(PATIENCE)
        ticks = Ticks(int(relay.line().split()[-1]))
        stack.callback(ticks.close)
        wait_until(lambda: metric(port, "connected") == 1)
        market, still = Market(port), Market(port, "STILL")
        still.order()
        market.trade(options.around, options.rate)
        wait_until(lambda: subscriber.quotes and ticks.quotes)
        server.kill() if how == KILLED else server.stand_still()
        began = time.time()
        first = min(options.around, options.seconds)
        market.trade(first, options.rate)
        still.order()  # a trade
        market.trade(options.seconds - first, options.rate)
        server.start() if how == KILLED else server.go_on()
        ended = time.time()
        market.trade(options.around, options.rate)
        made = market.orders // 2
        wait_until(lambda: len(set(subscriber.trades)) == made)
        both = subscriber.quotes, ticks.quotes
        wait_until(lambda: all(quotes and quotes[-1].at > ended for quotes in both))
        time.sleep(1)  # for the last quotes
        lost = sum(metric(port, f'lost_messages_total{{reason="{why}"}}') for why in REASONS)
        conflated = metric(port, "conflated_quotes_total")
        quotes, heard = subscriber.quotes, ticks.quotes
        return Outcome(how, began, ended, made, subscriber.trades, lost, conflated, quotes, heard)


REASONS = ("full", "outage", "too_large", "refused", "failed")


def metric(port: int, name: str) -> int:
    from urllib.request import urlopen

    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
        text = answer.read().decode()
    found = re.search(rf"^disorderbook_nats_{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return int(float(found[1])) if found else -1


def wait_until(is_so: Any) -> None:
    """Or until PATIENCE has ended."""
    deadline = time.monotonic() + PATIENCE
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)


def main(options: argparse.Namespace) -> int:
    with ThreadPoolExecutor(2) as pool:
        hows = (KILLED, STOPPED) if options.how is None else (options.how,)
        outcomes = list(pool.map(lambda how: measure(how, options), hows))
    return 0 if all([outcome.print(options.oldest) for outcome in outcomes]) else 1


if __name__ == "__main__":
    tool = Options(__doc__, "FOOBAR")
    tool.add_seconds(65, "how long the servers are away")
    tool.add("--around", 4.0, between(0.1, 60.0), "seconds of trading before and after that")
    tool.add("--oldest", 1.0, between(0.1, 60.0), "seconds that a quote may be old")
    tool.add("--rate", 40.0, between(2.0, 500.0), "orders a second")
    tool.add_argument("--how", choices=(KILLED, STOPPED), help="one of the two alone")
    run(main, tool)
