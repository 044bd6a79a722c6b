"""Running bots: a thread for each trader, and how all of them end."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from disorderbook.runner.gateway import HttpGateway, Stopped
from disorderbook.traders.market_view import MarketView, Strategy

GRACE = 1.0  # seconds in which a stopped bot may finish a request, before its connection is cut
PATIENCE = 0.8  # seconds that it may take to end after that
JOIN_INTERVAL = 0.05  # seconds


class Trader(NamedTuple):
    """A strategy and the view that it acts on; `pause` is the shortest and the longest time
    between two steps in seconds.
    """

    strategy: Strategy
    view: MarketView
    gateway: HttpGateway
    pause: tuple[float, float]

    def run(self, stop: threading.Event) -> None:
        """Trade until finished or until `stop` is set, which also ends waiting for the exchange.

        What the trader does depends on its seed and on the answers alone, never on the time.
        """
        try:
            while not (stop.is_set() or self.view.has_finished):
                self.strategy.step(self.view)
                if not self.view.has_finished:
                    stop.wait(self.view.rng.uniform(*self.pause))
        except Stopped:
            pass
        finally:
            self.gateway.close()


class OrderCounts(NamedTuple):
    """How many orders were sent, how many of them the exchange placed, and how many of these were
    cancelled.
    """

    sent: int
    placed: int
    cancelled: int


class BotInstance(NamedTuple):
    """One running bot: its name in the registry, its account, and a trader for each thread."""

    name: str
    account: str
    traders: Sequence[Trader]


def count_orders(traders: Iterable[Trader]) -> OrderCounts:
    """What all of them together have done so far."""
    views = [trader.view for trader in traders]
    return OrderCounts(
        sum(view.sent for view in views),
        sum(view.placed for view in views),
        sum(view.cancelled for view in views),
    )


def run_together(
    traders: Sequence[Trader],
    stop: threading.Event,
    watch: Callable[[], None] = lambda: None,
) -> bool:
    """Run each trader in a thread until all have ended; False if one of them failed.

    Meanwhile `watch` is called some twenty times a second. Once `stop` is set, requests may still
    be answered for GRACE seconds; then the connections are cut, so that no thread waits for a
    silent exchange. A thread that waits all the same is left behind after PATIENCE seconds more:
    the threads are daemons and end with the program.
    """
    ended = []

    def work(trader: Trader) -> None:
        trader.run(stop)
        ended.append(trader)

    threads = [threading.Thread(target=work, args=(each,), daemon=True) for each in traders]
    for thread in threads:
        thread.start()
    while not stop.is_set() and (alive := [each for each in threads if each.is_alive()]):
        # Short waits, since some systems deliver Ctrl-C only between two of them. Waiting on `stop`
        # instead would hold its lock just when a signal handler in this thread wants to set it.
        alive[0].join(JOIN_INTERVAL)
        watch()
    _join(threads, GRACE)
    for trader in traders:
        trader.gateway.abort()
    _join(threads, PATIENCE)
    return stop.is_set() or len(ended) == len(threads)


def _join(threads: Sequence[threading.Thread], patience: float) -> None:
    """Wait for all of them to end, `patience` seconds in all."""
    deadline = time.monotonic() + patience
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
