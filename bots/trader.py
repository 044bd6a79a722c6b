"""What all bots share: an account that trades one stock, step by step, and remembers its orders."""

import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from stockfighter_minimal import Answer, Client, Order, Stopped, parse_fills_from_response

LARGEST = 2**31 - 1  # the highest price in cents, and the most shares, that the exchange takes
FIRST_PRICE = 5000  # cents, where a market begins as long as nothing has traded
GRACE = 1.0  # seconds in which a stopped bot may finish a request, before its connection is cut
PATIENCE = 0.8  # seconds that it may take to end after that


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
        self.price_seen: int | None = None  # cents, of the last trade when it last looked

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
        self.quote()
        return self.price_seen

    def quote(self) -> Answer:
        """Best prices and last trade; empty if the exchange refuses to say."""
        answer = self.client.quote(self.venue, self.symbol)
        if answer is None:
            return {}
        self.price_seen = answer.get("last")
        return answer

    def place(self, direction: str, quantity: int, price: int) -> None:
        """Send a limit order; the price is brought into the range that the exchange takes."""
        price = min(max(price, 1), LARGEST)
        self._send(direction, quantity, price, "limit")

    def take(self, direction: str, quantity: int) -> None:
        """Send a market order, which gets what there is at once and never rests."""
        self._send(direction, quantity, 0, "market")

    def _send(self, direction: str, quantity: int, price: int, order_type: str) -> None:
        order = Order(self.venue, self.symbol, direction, quantity, price, order_type, self.account)
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
        at = f"@ {price}" if price else "at any price"
        self.say(f"{self.account} {direction} {quantity} {at}: id {answer['id']}, {filled}")

    def cancel_oldest(self, beyond: int) -> None:
        """Cancel resting orders, oldest first, until there are no more than `beyond`."""
        while len(self.resting) > beyond:
            self.cancel(next(iter(self.resting)))

    def cancel(self, order_id: int) -> None:
        """Cancel one of its resting orders."""
        answer = self.client.cancel(self.venue, self.symbol, order_id)
        if answer is not None:
            self.cancelled += answer["totalFilled"] < answer["originalQty"]
            self.follow(answer)
        self.resting.pop(order_id, None)

    def look_after_orders(self) -> None:
        """Learn what has been filled while orders rested."""
        for order_id in list(self.resting):
            answer = self.client.status(self.venue, self.symbol, order_id)
            if answer is None or answer["account"] != self.account:
                # The exchange was started afresh, and the order is gone with the old one.
                self.resting.pop(order_id, None)
            else:
                self.follow(answer)

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


def run_together(
    traders: Sequence[Trader],
    stop: threading.Event,
    *,
    watch: Callable[[], None] = lambda: None,
    cut: Callable[[], None] = lambda: None,
) -> bool:
    """Run each trader in a thread until all have ended; False if one of them failed.

    Meanwhile `watch` is called some twenty times a second. Once `stop` is set, requests may still
    be answered for GRACE seconds; then `cut` is to cut the connections, so that no thread waits
    for a silent exchange. One that does so all the same is left behind after PATIENCE seconds
    more: the threads are daemons and end with the program.
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
        alive[0].join(0.05)
        watch()
    _join(threads, GRACE)
    cut()
    _join(threads, PATIENCE)
    return stop.is_set() or len(ended) == len(threads)


def _join(threads: Sequence[threading.Thread], patience: float) -> None:
    """Wait for all of them to end, `patience` seconds for the lot."""
    deadline = time.monotonic() + patience
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
