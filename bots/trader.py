"""What all bots share: an account that trades one stock, step by step, and remembers its orders."""

import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from stockfighter_minimal import Answer, Client, Order, Stopped, parse_fills_from_response

LARGEST = 2**31 - 1  # the highest price in cents, and the most shares, that the exchange takes
PATIENCE = 2.0  # seconds that a stopped bot may take to finish a request


class Trader(ABC):
    """One account trading one stock. A kind of bot is a subclass with a `step`.

    What it does depends on the seed and on the answers of the exchange alone, never on the time.
    `pause` is the shortest and longest time between two steps in seconds, `orders` the number of
    orders after which it has finished (None: never), `say` takes each line of its report.
    """

    def __init__(
        self,
        client: Client,
        *,
        venue: str = "TESTEX",
        symbol: str = "FOOBAR",
        account: str,
        seed: int,
        pause: tuple[float, float] = (0.3, 0.7),
        orders: int | None = None,
        say: Callable[[str], None] = print,
    ) -> None:
        self.client = client
        self.venue, self.symbol, self.account = venue, symbol, account
        self.rng = random.Random(seed)
        self.pause = pause
        self.orders = orders
        self.say = say
        self.sent = self.placed = self.cancelled = 0  # orders
        self.shares = self.cents = 0  # its position, as far as it has seen fills
        self.resting: dict[int, Answer] = {}  # by id, oldest first, as each was last seen
        self._last_price: int | None = None

    @property
    def has_finished(self) -> bool:
        """Whether it has sent all its orders; one that was refused or lost counts as well."""
        return self.orders is not None and self.sent >= self.orders

    def run(self, stop: threading.Event) -> None:
        """Trade until finished or until `stop` is set, which also ends waiting for the exchange."""
        self.client.stop = stop
        try:
            while not (stop.is_set() or self.has_finished):
                self.step()
                if not self.has_finished:
                    stop.wait(self.rng.uniform(*self.pause))
        except Stopped:
            pass
        finally:
            self.client.close()

    @abstractmethod
    def step(self) -> None:
        """Look at the market once and trade."""

    def last_price(self) -> int | None:
        """Price of the last trade in cents, None as long as nothing has traded."""
        answer = self.client.quote(self.venue, self.symbol)
        if answer is not None:
            self._last_price = answer.get("last")
        return self._last_price

    def place(self, direction: str, quantity: int, price: int) -> None:
        """Send a limit order; the price is brought into the range that the exchange takes."""
        price = min(max(price, 1), LARGEST)
        order = Order(self.venue, self.symbol, direction, quantity, price, "limit", self.account)
        answer = self.client.execute(order)
        self.sent += 1
        if answer is None:
            return
        self.placed += 1
        if self.resting and answer["id"] <= max(self.resting):
            # Ids only grow, so this is a new exchange, where the old ids are other people's.
            self.resting.clear()
        self.follow(answer)
        filled = f"{answer['totalFilled']} filled"
        self.say(f"{self.account} {direction} {quantity} @ {price}: id {answer['id']}, {filled}")

    def cancel_oldest(self, beyond: int) -> None:
        """Cancel resting orders, oldest first, until there are no more than `beyond`."""
        while len(self.resting) > beyond:
            oldest = next(iter(self.resting))
            answer = self.client.cancel(self.venue, self.symbol, oldest)
            if answer is not None:
                self.cancelled += answer["totalFilled"] < answer["originalQty"]
                self.follow(answer)
            self.resting.pop(oldest, None)

    def follow(self, answer: Answer) -> None:
        """Count what one of its orders has traded since it was last seen."""
        before = parse_fills_from_response(self.resting.get(answer["id"]))
        now = parse_fills_from_response(answer)
        self.shares += now["shares"] - before["shares"]
        self.cents += now["cents"] - before["cents"]
        if answer["open"]:
            self.resting[answer["id"]] = answer
        else:
            self.resting.pop(answer["id"], None)


def run_together(traders: Sequence[Trader], stop: threading.Event) -> bool:
    """Run each trader in a thread until all have ended; False if one of them failed.

    Once `stop` is set, a thread that still waits for a silent exchange is left behind after
    PATIENCE seconds: the threads are daemons and end with the program.
    """
    ended = []

    def work(trader: Trader) -> None:
        trader.run(stop)
        ended.append(trader)

    threads = [threading.Thread(target=work, args=(each,), daemon=True) for each in traders]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and not stop.is_set():
        # Short waits, since some systems deliver Ctrl-C only between two of them. Waiting on `stop`
        # instead would hold its lock just when a signal handler in this thread wants to set it.
        for thread in threads:
            thread.join(0.05)
    for thread in threads:
        thread.join(PATIENCE / len(threads))
    return stop.is_set() or len(ended) == len(threads)
