"""Many keyed traders of a class in one process, on another machine than the exchange.

    python class_traders.py URL

Each line that it reads is JSON: a venue, a stock, what to do, and the keys by account. `trade`:
every account places some orders, one after the other, buyers and sellers in turn. `cheat`: the
first account tries what made a leader of 2016 rich. What came back is printed as a line of JSON:
how often each status came, or for each attempt the status and the detail.
"""

import json
import sys
import time
from collections import Counter

import requests

ORDERS = 4  # of each trader
HIGHEST = 2**31 - 1  # cents and shares
SECOND = 1.1

Answer = tuple[int, str]


class Traders:
    """Places orders at one stock, over one connection."""

    def __init__(self, url: str, venue: str, stock: str) -> None:
        self._url = f"{url}/ob/api/venues/{venue}/stocks/{stock}/orders"
        self._session = requests.Session()
        self._session.trust_env = False

    def order(
        self, account: str, key: str, direction: str, price: int, qty: int, kind: str = "limit"
    ) -> Answer:
        """The status and the detail."""
        body = {"account": account, "direction": direction, "orderType": kind, "qty": qty}
        answer = self._session.post(
            self._url,
            json=body | {"price": price},
            headers={"X-Starfighter-Authorization": key},
            timeout=30,
        )
        return answer.status_code, answer.headers.get("X-Error-Detail", "")

    def trade(self, keys: dict[str, str]) -> dict[int, int]:
        """How often each status came."""
        statuses: Counter[int] = Counter()
        for turn in range(ORDERS):
            for number, (account, key) in enumerate(keys.items()):
                is_buy = (number + turn) % 2 == 0
                price = 4995 + (number * 7 + turn) % 11
                direction = "buy" if is_buy else "sell"
                statuses[self.order(account, key, direction, price, 5)[0]] += 1
        return dict(statuses)

    def cheat(self, account: str, key: str) -> dict[str, Answer]:
        """What each attempt got."""
        attempts = {
            "huge order": self.order(account, key, "buy", 4900, HIGHEST),
            "offer": self.order(account, key, "sell", 5200, 1),
            "self trade": self.order(account, key, "buy", 5200, 1000),
        }
        for _ in range(30):
            attempts["too many"] = self.order(account, key, "buy", 4800, 1)
        time.sleep(SECOND)  # which orders a second are counted in
        attempts["sweep"] = self.order(account, key, "buy", 0, 900, "market")
        attempts["offer to himself"] = self.order(account, key, "sell", HIGHEST, 1)
        attempts["share with himself"] = self.order(account, key, "buy", HIGHEST, 1)
        return attempts


def main(url: str) -> None:
    for line in sys.stdin:
        venue, stock, what, keys = json.loads(line)
        traders = Traders(url, venue, stock)
        told = traders.trade(keys) if what == "trade" else traders.cheat(*next(iter(keys.items())))
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
