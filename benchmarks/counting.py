"""What counting every request for /metrics costs a server under load.

One server counts the requests of one block and not those of the next, so that both kinds meet the
same moments of the machine; what is compared is the processor time of its thread. Of the pairs of
blocks the quieter ones count, those that took the least together: in the others it was somebody
else's work that took the time.
"""

import json
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Iterable
from typing import Any

from load import Client

from disorderbook.api.app import NOT_PLAIN, DirectBottle, make_app
from disorderbook.api.services import Services
from disorderbook.protocol.route import Request
from disorderbook.server.reader import HttpRequest
from disorderbook.server.response import Response

# This machine is not asked by way of a proxy, whatever the environment says.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
BLOCK = 50  # requests
WARM_UP = 20  # blocks of each kind that are not looked at
RESULT = "/result"
QUIET = 0.25  # of the pairs
MOST = 2.0  # microseconds that counting may cost


class Uncounted(DirectBottle):
    """The application as it would be if it counted nothing."""

    def respond(self, request: HttpRequest) -> Response | None:
        plan = request.head.plan
        if plan is None:
            plan = request.head.plan = self._plan(request.head)
        if plan is NOT_PLAIN:
            return None
        asked = Request(plan.method, plan.path, plan.key, plan.host, request.body, plan.query)
        return self._call_handler(plan.handler, asked, plan.names)


class Alternating:
    """Counts in every other block. At RESULT it answers with the microseconds that a request of
    each block took, first of those without counting. The plan of a head serves both applications.
    """

    def __init__(self, services: Services) -> None:
        self._apps = make_app(services, Uncounted), make_app(services)
        self._costs: tuple[list[float], list[float]] = [], []
        self._requests = self._kind = 0
        self._start = time.thread_time()

    def respond(self, request: HttpRequest) -> Response | None:
        if request.head.environ["PATH_INFO"] == RESULT:
            return json.dumps(self._costs).encode()
        self._requests += 1
        if self._requests % BLOCK == 0:
            now = time.thread_time()
            self._costs[self._kind].append((now - self._start) / BLOCK * 1e6)
            self._kind = 1 - self._kind
            self._start = time.thread_time()
        return self._apps[self._kind].respond(request)

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """The way of WSGI, which no request of the load takes."""
        return self._apps[1](environ, start_response)


def print_counting(client: Client, command: list[str], connections: int, seconds: float) -> None:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            client.measure(port, "orders", connections, seconds)
            with DIRECT.open(f"http://127.0.0.1:{port}{RESULT}") as answer:
                pairs = list(zip(*json.load(answer)))[WARM_UP:]
        finally:
            server.kill()
    pairs = sorted(pairs, key=sum)[: int(len(pairs) * QUIET)]
    without, counted = zip(*pairs)
    extra = [one - other for other, one in pairs]
    error = statistics.stdev(extra) / len(extra) ** 0.5
    cost = statistics.mean(extra)
    print(f"microseconds of the server's thread for an order, {connections} connections")
    print(f"  without counting  {statistics.mean(without):6.2f}")
    print(f"  counted           {statistics.mean(counted):6.2f}")
    print(f"  more by           {cost:6.2f} +- {error:.2f} ({len(pairs)} pairs of {BLOCK} orders)")
    print("met   " if cost < MOST else "MISSED", f"counting costs under {MOST:g} microseconds")
