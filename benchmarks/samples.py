# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
What it costs the exchange to record what accounts are worth over time.

An exchange in this process has a venue in which every account has traded in every stock. What is
measured is processor time of whole samples, with the text of each that a database would store, and
of the longest step of one, for which the lock is held. While something trades there is a sample
every two seconds. Medians over the samples.

    python3 benchmarks/samples.py [--samples N] [--markets 30x1,200x50,1000x50]
"""

import interrupts  # noqa: F401  # isort: skip
import argparse
import random
import statistics
import time
from collections.abc import Sequence

from disorderbook.engine.orders import BUY, LIMIT, SELL, NewOrder
from disorderbook.exchange import Exchange
from disorderbook.ledger.base import Ledger, SampleChanges
from disorderbook.marketdata.mark import last_price
from disorderbook.marketdata.nav_series import SAMPLE_STEP, NavRecorder
from disorderbook.protocol.names import NANOSECONDS

SECONDS_A_SAMPLE = SAMPLE_STEP / NANOSECONDS
START = 10**18  # nanoseconds since 1970


class Texts(Ledger):
    """Counts what would be stored."""

    def __init__(self) -> None:
        self.letters = 0

    def record_samples(self, changes: SampleChanges) -> None:
        self.letters += sum(len(sample.navs) for sample in changes.samples)


class Sampled:
    """A venue with so many accounts, each of which has traded in so many stocks."""

    def __init__(self, accounts: int, stocks: int) -> None:
        self.now = START
        self.texts = Texts()
        self.exchange = Exchange(max_books=stocks, clock=lambda: self.now)
        self.recorder = NavRecorder(self.exchange, last_price, ledger=self.texts)
        self._chance = random.Random(0)
        names = [f"TRADER{number}" for number in range(accounts)]
        self._books = [self.exchange.book("TESTEX", f"STOCK{n}") for n in range(stocks)]
        for number in range(stocks):
            for seller, buyer in zip(names, names[1:] + names[:1], strict=True):
                self._trade(number, seller, buyer)

    def _trade(self, stock: int, seller: str, buyer: str) -> None:
        price, quantity = self._chance.randint(4900, 5100), self._chance.randint(1, 100)
        for account, side in ((seller, SELL), (buyer, BUY)):
            self.exchange.submit(
                self._books[stock], NewOrder(account, side, LIMIT, price, quantity)
            )

    def sample(self) -> Sequence[float]:
        """Trade in one stock, and sample the venue; seconds of processor time of each step."""
        self._trade(0, "TRADER0", "TRADER1")
        self.recorder.note("TESTEX")
        self.now += SAMPLE_STEP
        steps: list[float] = []
        while (due := self.recorder.next_at) is not None and due <= self.now:
            start = time.process_time()
            self.recorder.act()
            steps.append(time.process_time() - start)
        return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=30)
    parser.add_argument("--markets", default="30x1,200x50,1000x50", help="accounts x stocks, ...")
    options = parser.parse_args()
    for market in options.markets.split(","):
        accounts, stocks = map(int, market.split("x"))
        sampled = Sampled(accounts, stocks)
        sampled.sample()  # in which all accounts are new
        stored = sampled.texts.letters
        samples = [sampled.sample() for _ in range(options.samples)]
        whole = statistics.median(map(sum, samples))
        longest = statistics.median(map(max, samples))
        stored = (sampled.texts.letters - stored) // options.samples
        print(
            f"{accounts:5} accounts x {stocks:2} stocks: {whole * 1e3:6.2f} ms a sample, "
            f"{whole / SECONDS_A_SAMPLE:7.3%} of a core; "
            f"{longest * 1e3:5.2f} ms the longest step; {stored / 1e3:6.1f} kB a sample to store",
            flush=True,
        )


if __name__ == "__main__":
    main()
