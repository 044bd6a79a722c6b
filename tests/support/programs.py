"""Programs for runs, as a user might write them: each is a file in a folder of the test's."""

from pathlib import Path

# Two requests and a sleep each day; its chance follows from the seed. It needs nothing but Python's
# own library.
STEADY = """
import http.client, json, os, random, sys, time
from urllib.parse import urlsplit

E = os.environ
rng = random.Random(int(E["DISORDERBOOK_SEED"]))
url = urlsplit(E["DISORDERBOOK_URL"])
connection = http.client.HTTPConnection(url.netloc, timeout=60)
stock = f"{url.path}venues/{E['DISORDERBOOK_VENUE']}/stocks/{E['DISORDERBOOK_SYMBOL']}"
headers = {"X-Starfighter-Authorization": E["DISORDERBOOK_KEY"]}

def ask(method, path, body=None):
    connection.request(method, path, body and json.dumps(body), headers)
    return json.loads(connection.getresponse().read())

day = 0
while True:
    price = ask("GET", f"{stock}/quote").get("last", 5000)
    order = {"account": E["DISORDERBOOK_ACCOUNT"], "direction": rng.choice(["buy", "sell"]),
             "price": price + rng.randint(-9, 9), "qty": rng.randint(1, 9), "orderType": "limit"}
    told = ask("POST", f"{stock}/orders", order)
    day += 1
    print("day", day, time.time(), "order", told.get("id"), flush=True)
    time.sleep(float(E.get("PAUSE", "4.9")))
"""


def steady(folder: Path) -> str:
    """The file of a program that trades every day, and is ended with the run."""
    return written(folder, STEADY)


def written(folder: Path, code: str) -> str:
    """The file of a program with this code."""
    path = folder / "program.py"
    path.write_text(code)
    return str(path)
