"""Replays what the first disorderBook answered; differences are numbered as in CONTRACT below.

16: entries of /venues have an integer id, counting from 1.
(1, the form of time stamps, is masked in the recordings and tested elsewhere.)
"""

import json
from functools import partial
from pathlib import Path

import pytest
from recordings import TRACES, masked
from wsgi import KEYS, Client

from disorderbook.ledger.base import Ledger
from disorderbook.ledger.file import open_ledger
from disorderbook.ledger.temporary import TemporaryLedger

CLIENTS = {
    "trading": partial(Client),
    "listings": partial(Client, extra=True),
    "accounts": partial(Client, extra=True, keys=KEYS),
    "limits": partial(Client, "NYSE", "ACME", max_books=3),
    "refusals": partial(Client),
}
LEDGERS = {
    "endless memory": lambda file: Ledger(),
    "no closed order in memory": lambda file: TemporaryLedger(0),
    "seven closed orders in memory": lambda file: TemporaryLedger(7),
    "a database": lambda file: open_ledger(file, bound=7)[0],
}


def without_difference_16(path: str, answer: object) -> object:
    if path != "/ob/api/venues":
        return answer
    for number, venue in enumerate(answer["venues"], start=1):
        assert venue.pop("id") == number
    return answer


@pytest.mark.parametrize("ledger", LEDGERS)
@pytest.mark.parametrize("trace", CLIENTS)
def test_the_exchange_answers_as_the_first_one_did(
    trace: str,
    ledger: str,
    tmp_path: Path,
) -> None:
    client = CLIENTS[trace](ledger=LEDGERS[ledger](str(tmp_path / "market.db")))
    lines = (TRACES / f"{trace}.jsonl").read_text().splitlines()
    for number, line in enumerate(map(json.loads, lines), start=1):
        asked, expected = line["request"], line["response"]
        answer = client(
            asked["method"], asked["path"], asked.get("body", "").encode(), asked["headers"]
        )
        text = masked(answer.body.decode())
        place = f"{trace}.jsonl, line {number}: {asked['method']} {asked['path']}"
        assert (answer.status, answer.type) == (expected["status"], expected["type"]), place
        if "json" in expected:
            got = without_difference_16(asked["path"], json.loads(text))
            assert got == expected["json"], place
        else:
            assert text == expected["text"], place
