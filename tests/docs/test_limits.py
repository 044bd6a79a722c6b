"""The limits that the documents name are those of the code."""

import re

from documents import DOCS, README, rows

from disorderbook.api.app import MAX_BODY_SIZE
from disorderbook.api.metrics import MAX_BOOKS_SHOWN
from disorderbook.game.instance import MOST_OWN_FILLS
from disorderbook.game.master import MAX_INSTANCES, MOST_ENDED
from disorderbook.game.results import MOST_RECORDS, MOST_RESULTS
from disorderbook.in_process import LIMITS
from disorderbook.ledger.archive import CLOSED_ORDERS_IN_MEMORY
from disorderbook.protocol.names import MAX_BOOKS, MAX_NAME_LENGTH, MAX_PRICE, MAX_QUANTITY
from disorderbook.protocol.route import MAX_PARAMETERS
from disorderbook.server.head import MAX_HEADERS
from disorderbook.server.limits import Limits
from disorderbook.tape.conflation import MAX_EVENTS
from disorderbook.tape.limits import TapeLimits
from disorderbook.tape.websocket import MAX_MESSAGE_BYTES

SERVER, TAPE = Limits(), TapeLimits()
TOLD = {
    "characters of the name of a venue, a stock or an account": MAX_NAME_LENGTH,
    "price in cents": MAX_PRICE,
    "quantity in shares": MAX_QUANTITY,
    "order books, unless `--maxbooks` says otherwise": MAX_BOOKS,
    "parameters in the query of a URL": MAX_PARAMETERS,
    "bytes of the request line and the headers": SERVER.head_bytes,
    "headers of a request": MAX_HEADERS,
    "seconds for the request line and the headers": SERVER.head_seconds,
    "bytes of a body": SERVER.body_bytes,
    "seconds for a body": SERVER.body_seconds,
    "seconds between two requests of a connection": SERVER.idle_seconds,
    "connections": SERVER.connections,
    "bytes of an answer that are written at once": SERVER.slice_bytes,
    "bytes of answers that all clients together have not read": SERVER.unsent_bytes,
    "seconds in which a client reads none of what is written": SERVER.write_seconds,
    "seconds for a client to read a long answer": SERVER.answer_seconds,
    "requests answered in one pass of the server's loop": SERVER.pass_requests,
    "bytes of answers in one pass": SERVER.pass_bytes,
    "instances of levels that run, unless `--maxinstances` says otherwise": MAX_INSTANCES,
    "instances of levels whose last day has ended": MOST_ENDED,
    "results of levels": MOST_RESULTS,
    "players and levels whose tries and best result are remembered": MOST_RECORDS,
    "fills of an instance that its page shows": MOST_OWN_FILLS,
    "closed orders in memory": CLOSED_ORDERS_IN_MEMORY,
    "books that `/metrics` shows one by one": MAX_BOOKS_SHOWN,
}


def section(page: str, heading: str) -> str:
    text = (DOCS / page).read_text().partition(f"## {heading}\n")[2]
    return re.split(r"^## ", text, flags=re.MULTILINE)[0]


def test_the_table_of_limits_has_the_codes_values() -> None:
    table = rows(section("protocol.md", "Limits"), 3)
    assert {name: float(value.replace(",", "")) for name, value, _ in table} == TOLD
    assert MAX_BODY_SIZE == SERVER.body_bytes


def test_limits_in_sentences_are_the_codes() -> None:
    slow = section("tape.md", "Slow listeners")
    mib = TAPE.waiting_bytes // 2**20
    assert f"{TAPE.waiting_messages} messages ({mib} MiB) wait" in slow
    assert f"at all for {TAPE.stalled_seconds:g} seconds" in slow
    assert f"falls behind by {MAX_EVENTS:,} events" in slow
    assert f"at most {MAX_MESSAGE_BYTES // 1024} KiB (1009)" in slow
    assert f"room for {LIMITS.connections} connections" in section("protocol.md", "Limits")
    assert f"the {CLOSED_ORDERS_IN_MEMORY:,} orders" in (DOCS / "database.md").read_text()
    assert f"{MAX_BOOKS_SHOWN} books" in (DOCS / "options.md").read_text()
    assert not re.search(r"\b(?:KiB|MiB|at most)\b", README.read_text())
