# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
What publishing to a NATS server costs: orders a second, and microseconds of the processor that the
exchange takes for one, without it, with it, and with a server that is not there or does not read.

An exchange of each kind runs at the same time, and they are measured in turn, round after round, so
that all meet the same moments of the machine; what is compared is the median of the ratios within a
round. Nobody subscribes to the server, which shares the processors with everything else.

    python3 benchmarks/publish.py [--seconds 2] [--rounds 5] [--connections 16]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import statistics
import sys
from contextlib import ExitStack

from load import client_for
from options import MAIN, Options, between, run
from relay import NatsServer, Process

NOBODY = "nats://127.0.0.1:1"
WITHOUT, DEAD, STOPPED = "without --publish", "no server there", "a server that stopped"
WITH, ALL = "with a server", "with executions"


def main(options: argparse.Namespace) -> int:
    client = client_for(options.seconds)
    with ExitStack() as stack:
        alive, stopped = (stack.enter_context(NatsServer()) for _ in range(2))
        kinds = {
            WITHOUT: [],
            DEAD: ["--publish", NOBODY],
            STOPPED: ["--publish", stopped.url],
            WITH: ["--publish", alive.url],
            ALL: ["--publish", alive.url, "--publish-executions"],
        }
        command = [sys.executable, str(MAIN), "-p", "0", "--log-level", "error"]
        exchanges = {
            kind: stack.enter_context(Process(*command, *more)) for kind, more in kinds.items()
        }
        ports = {kind: int(each.line().split()[-1]) for kind, each in exchanges.items()}
        stopped.stand_still()
        rates: dict[str, list[float]] = {kind: [] for kind in kinds}
        costs: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(options.rounds):
            for kind, exchange in exchanges.items():
                before = exchange.processor()
                load = client.measure(ports[kind], "orders", options.connections, options.seconds)
                orders = load.rate * options.seconds
                rates[kind].append(load.rate)
                costs[kind].append((exchange.processor() - before) / orders * 1e6)
    print(f"{options.connections} connections, medians of {options.rounds} rounds")
    print(f"{'':22}  orders/s   ratio  us of the processor an order   ratio")
    for kind in kinds:
        rate, cost = statistics.median(rates[kind]), statistics.median(costs[kind])
        slower, dearer = (ratio(each[kind], each[WITHOUT]) for each in (rates, costs))
        print(f"{kind:22}  {rate:8,.0f}  {slower:6.3f}  {cost:28.1f}  {dearer:6.3f}")
    return 0


def ratio(measured: list[float], base: list[float]) -> float:
    """The median of the ratios within a round."""
    return statistics.median(one / other for one, other in zip(measured, base))


if __name__ == "__main__":
    tool = Options(__doc__, "FOOBAR")
    tool.add_seconds(2, "how long each exchange is measured in each round")
    tool.add("--rounds", 5, between(1, 100), "how often each is measured")
    tool.add("--connections", 16, between(1, 1000), "how many clients there are")
    run(main, tool)
