"""The limits that the documents name are those of the code."""

import re

from documents import DOCS, README, rows

from disorderbook.api.app import MAX_BODY_SIZE
from disorderbook.api.idempotency import ACCOUNTS_KEPT, KEYS_KEPT, LONGEST_KEY
from disorderbook.api.metrics import MAX_BOOKS_SHOWN
from disorderbook.errors import NoAccusation, WrongKey
from disorderbook.game import run
from disorderbook.game.casts import Conspiracy, Duel
from disorderbook.game.instance import MOST_OWN_FILLS
from disorderbook.game.levels import LEVELS
from disorderbook.game.master import MAX_INSTANCES, MOST_ENDED
from disorderbook.game.referee import BlockTrade, Crash, Profit
from disorderbook.game.results import MOST_RECORDS, MOST_RESULTS
from disorderbook.in_process import LIMITS
from disorderbook.ledger.archive import CLOSED_ORDERS_IN_MEMORY
from disorderbook.ledger.runs import MARKETS_KEPT
from disorderbook.ledger.trades import STORED_EACH, TRADES_READ
from disorderbook.marketdata.history import KEPT_EXECUTIONS, RECENT_TRADES
from disorderbook.protocol.names import MAX_BOOKS, MAX_NAME_LENGTH, MAX_PRICE, MAX_QUANTITY
from disorderbook.protocol.route import MAX_PARAMETERS
from disorderbook.server.head import MAX_HEADERS
from disorderbook.server.limits import Limits
from disorderbook.tape.conflation import MAX_EVENTS
from disorderbook.tape.limits import TapeLimits
from disorderbook.tape.websocket import MAX_MESSAGE_BYTES
from disorderbook.timeline.clock import LONGEST_ADVANCE
from disorderbook.timeline.opponents import MOST_OPPONENTS
from disorderbook.timeline.timeline import MOST_ADVANCES
from disorderbook.traders import insider, momentum_buyer, rung_maker

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
    "ended runs of a player whose markets are kept with `-d`": MARKETS_KEPT,
    "players and levels whose tries and best result are remembered": MOST_RECORDS,
    "fills of an instance that its page shows": MOST_OWN_FILLS,
    "closed orders in memory": CLOSED_ORDERS_IN_MEMORY,
    "characters of an `Idempotency-Key`": LONGEST_KEY,
    "keys of an account in one stock that are remembered, see below": KEYS_KEPT,
    "accounts in one stock of which such keys are remembered": ACCOUNTS_KEPT,
    "opponents (strategies)": MOST_OPPONENTS,
    "seconds by which the clock is moved at once": LONGEST_ADVANCE,
    "requests that wait for the clock to be moved": MOST_ADVANCES,
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
    tables = section("database.md", "The tables")
    assert f"latest {RECENT_TRADES} trades" in tables
    assert f"written after every {STORED_EACH:,} trades" in tables
    assert f"newest {TRADES_READ:,} executions" in tables
    assert f"latest {KEPT_EXECUTIONS:,} of a stock" in section("python.md", "After an interruption")
    assert f"{MAX_BOOKS_SHOWN} books" in (DOCS / "options.md").read_text()
    assert not re.search(r"\b(?:KiB|MiB|at most)\b", README.read_text())


def percent(part: float) -> str:
    return f"{100 * part:g} %"


def referee(name: str) -> Profit:
    found = LEVELS[name].make_referee(0)
    assert isinstance(found, Profit)
    return found


def test_what_the_game_has_chosen_is_the_codes() -> None:
    told = {where: what for where, what in rows(section("game.md", "What is our own choice"), 2)}
    lowest, highest = (price // 100 for price in LEVELS["first_steps"].first_prices)
    fewest, most = (price // 100 for price in LEVELS["sell_side"].first_prices)
    out, first = momentum_buyer.OUT, Conspiracy.SALE
    chosen = {
        "others' orders": [WrongKey.sentence],
        "accusations": [NoAccusation.sentence],
        "instances": [
            f"{MAX_INSTANCES} run",
            f"newest {MOST_ENDED:,}",
            f"newest {MARKETS_KEPT} ended runs",
        ],
        "time": [
            f"begins {run.EARLIEST_FIRST_DAY:g} to 1 day",
            f"shorter than {run.SHORTEST_PAUSED_DAY:g} seconds",
        ],
        "first prices": [
            f"${lowest} to ${highest};",
            f"up to ${LEVELS['chock_a_block'].first_prices[1] / 100:.2f}",
            f"${fewest} to ${most},",
        ],
        "`chock_a_block`": [
            f"{BlockTrade.DEAR / 1000:g} times the target",
            f"{BlockTrade.RUINOUS / 1000:g} times it with {BlockTrade.NOTICED:,}",
            f"{BlockTrade.GOAL:,} shares",
        ],
        "`sell_side`": [f"under -${-referee('sell_side').worst // 100:,} "],
        "`dueling_bulldozers`": [f"under -${-referee('dueling_bulldozers').worst // 100:,} "],
        "`irrational_exuberance`: goal": [
            f"value of ${referee('irrational_exuberance').least // 100:,},"
        ],
        "`irrational_exuberance`: maker": [
            f"{percent(rung_maker.SOLD)} for a share",
            f"{percent(rung_maker.MOST)} at most",
            f"{percent(rung_maker.RETURN)} of the way to {rung_maker.BOTTOM:g} of",
            f"over {MAX_PRICE:,} cents",
            f"{percent(LEVELS['irrational_exuberance'].walk.noise)} a day",
        ],
        "`irrational_exuberance`: buyers": [
            f"for {out[0]} to {out[1]} days",
            f"at most {momentum_buyer.CHEAP:g} of",
        ],
        "`making_amends`: bots": [
            f"at {insider.SALE:g} of",
            f"on day {first[0]} to {first[1]}.",
            f"is {Conspiracy.SIZE} shares",
            f"from {Conspiracy.BUYS[0]:g} to {Conspiracy.BUYS[1]:g}.",
            f"is {LEVELS['making_amends'].spacing:g} times",
        ],
    }
    for where, figures in chosen.items():
        assert [each for each in figures if each not in told[where]] == [], where
    assert (Crash.BUBBLE, Crash.BUBBLE_DAYS, Crash.FALL, Crash.END) == (2, 10, 0.5, 1.5)
    assert (Duel.SHORTEST_GAP, momentum_buyer.FALLS, run.LARGEST_BURST) == (2, 4, 0.2)
