"""Clients that trade as fast as they are answered, and remember every answer."""

import http.client
import json
import random
import threading
from typing import Any

from wsgi import ORDERS

from disorderbook.errors import CannotWrite

Json = dict[str, Any]


class Trader(threading.Thread):
    """Places and cancels orders as fast as it is answered, until the exchange is gone, and
    remembers every answer; `progress` is released for each.
    """

    def __init__(self, port: int, account: str, progress: threading.Semaphore) -> None:
        super().__init__()
        self.placed: dict[int, Json] = {}  # the first answer of each order, by id
        self.cancelled: dict[int, Json] = {}
        self.fault: BaseException | None = None  # what should not have happened
        self._account, self._progress, self._draw = account, progress, random.Random()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def run(self) -> None:
        try:
            while True:
                if self.placed and self._draw.random() < 0.2:
                    self.cancel(self._draw.choice(list(self.placed)))
                else:
                    self.place()
                self._progress.release()
        except (OSError, http.client.HTTPException):
            self._connection.close()  # the exchange was killed
        except BaseException as fault:
            self.fault = fault

    def place(self) -> Json:
        status, order = self.ask(
            "POST",
            ORDERS,
            {
                "account": self._account,
                "direction": self._draw.choice(["buy", "sell"]),
                "orderType": self._draw.choice(["limit"] * 6 + ["market", "fok", "ioc"]),
                "price": self._draw.randint(4990, 5010),
                "qty": self._draw.randint(1, 50),
            },
        )
        assert status == 200, order
        self.placed[order["id"]] = order
        return order

    def cancel(self, order_id: int) -> None:
        status, order = self.ask("DELETE", f"{ORDERS}/{order_id}")
        assert status == 200, order
        self.cancelled[order_id] = order

    def ask(self, method: str, path: str, fields: object = None) -> tuple[int, Json]:
        """Status and body of an answer."""
        self._connection.request(method, path, json.dumps(fields))
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())


class PatientTrader(Trader):
    """Goes on where nothing may change for now, until told that it is `over`."""

    def __init__(self, port: int, account: str, progress: threading.Semaphore) -> None:
        super().__init__(port, account, progress)
        self.refused = threading.Semaphore(0)  # released for each refusal
        self.over = threading.Event()

    def ask(self, method: str, path: str, fields: object = None) -> tuple[int, Json]:
        while True:
            if self.over.is_set():
                raise ConnectionError
            status, answer = super().ask(method, path, fields)
            if status != 503:
                return status, answer
            assert answer == {"ok": False, "error": CannotWrite.sentence}
            self.refused.release()


def trade_a_little(port: int) -> Json:
    trader = Trader(port, "ANN", threading.Semaphore(0))
    return trader.place()


def wait_for(progress: threading.Semaphore, answers: int) -> None:
    for _ in range(answers):
        assert progress.acquire(timeout=20)
