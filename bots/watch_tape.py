"""Print the tape as it comes: the quotes of a venue or of one of its stocks, or with --account the
trades of an account. When the exchange goes away, wait until it is back.

This file needs nothing of the others here, so it can be copied and changed.
"""

import argparse
import io
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any, NoReturn
from urllib.parse import quote as percent_encoded

try:
    import websocket
except ModuleNotFoundError:
    sys.exit(
        "The package websocket-client is missing; run: python3 -m pip install websocket-client"
        " (or start this with .venv/bin/python, if it was installed there)."
    )

DEFAULT_URL = "ws://127.0.0.1:8001/ob/api/ws/"
SILENCE = 60.0  # seconds; the exchange sends a ping every 20
FIRST_PAUSE = 0.1  # seconds before the first attempt to reconnect; each further one is doubled
LONGEST_PAUSE = 3.0
LONGEST_NAME = 255  # characters
USAGE_ERROR = 2  # exit status

NO_ANSWER = (OSError, websocket.WebSocketException)

TICK = (
    "{time:<12}  {symbol:<10} {bidSize:>9} {bid:>9} {ask:>9} {askSize:>9} {last:>9} {lastSize:>9}"
)
TICK_HEAD = TICK.format(
    time="UTC", symbol="stock", bidSize="bid size", bid="bid", ask="ask", askSize="ask size",
    last="last", lastSize="last size",
)
TRADE = "{time:<12}  {symbol:<10} {direction:>9} {filled:>9} {price:>9} {id:>9} {qty:>9}"
TRADE_HEAD = TRADE.format(
    time="UTC", symbol="stock", direction="side", filled="shares", price="price", id="order",
    qty="wanted",
)


class Refused(Exception):
    """The exchange says why it tells us nothing."""


def main() -> int:
    """Watch until Ctrl-C; returns the exit status."""
    options = parse_options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name may be in any script
    head, line = (TRADE_HEAD, trade_line) if options.account else (TICK_HEAD, tick_line)
    try:
        for message in messages(tape_url(options), options.key, head):
            say(line(message))
    except Refused as refusal:
        complain(f"Refused: {refusal}")
        return 1
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # nobody reads on, which Python would complain of at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def messages(url: str, key: str, head: str) -> Iterator[dict[str, Any]]:
    """All that the tape says, for ever, whatever happens to the connection; raises Refused.

    Each time that it begins to listen, it prints the head of the columns.
    """
    pause, is_away = FIRST_PAUSE, False
    while True:
        try:
            connection = connect(url, key)
        except NO_ANSWER as fault:
            if not is_away:
                complain(f"Cannot reach {url} ({fault}); trying again until it answers")
            is_away = True
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            continue
        if is_away:
            complain(f"{url} answers again")
        pause, is_away = FIRST_PAUSE, False
        say(head)
        yield from heard(connection)
        complain("The exchange has hung up")


def connect(url: str, key: str) -> websocket.WebSocket:
    """A connection; raises Refused if there will never be one."""
    headers = [f"X-Starfighter-Authorization: {key}"] if key else []
    try:
        return websocket.create_connection(url, SILENCE, header=headers, suppress_origin=True)
    except websocket.WebSocketBadStatusException as answer:
        if answer.status_code < 500:
            raise Refused(f"{url} answers {answer.status_code}, so it is no tape") from None
        raise


def heard(connection: websocket.WebSocket) -> Iterator[dict[str, Any]]:
    """Messages until the connection ends; raises Refused. In a forked process that is at once: the
    connection is the parent's."""
    owner = os.getpid()
    try:
        # `recv` answers pings, and is empty after a close.
        while os.getpid() == owner and (text := connection.recv()):
            message = json.loads(text)
            if not message["ok"]:
                raise Refused(message["error"])
            yield message
    except NO_ANSWER:
        pass
    finally:
        if os.getpid() == owner:
            connection.close(timeout=0)
        connection.shutdown()  # without a word to the other side


def tick_line(message: dict[str, Any]) -> str:
    """Of two prices that are not there one sees a dash."""
    quote = dict.fromkeys(("bid", "ask", "last", "lastSize"), "-") | message["quote"]
    return TICK.format(time=time_of_day(quote["quoteTime"]), **quote)


def trade_line(message: dict[str, Any]) -> str:
    order = message["order"]
    return TRADE.format(
        time=time_of_day(message["filledAt"]), symbol=message["symbol"], filled=message["filled"],
        price=message["price"], direction=order["direction"], id=order["id"], qty=order["qty"],
    )


def time_of_day(stamp: str) -> str:
    """Hours to milliseconds of a time such as 2016-01-17T22:43:07.123456789Z."""
    return stamp[11:23]


def tape_url(options: argparse.Namespace) -> str:
    account, venue = (
        percent_encoded(name, safe="") for name in (options.account or "ANYBODY", options.venue)
    )
    topic = "executions" if options.account else "tickertape"
    stock = f"/stocks/{percent_encoded(options.symbol, safe='')}" if options.symbol else ""
    return f"{options.url.rstrip('/')}/{account}/venues/{venue}/{topic}{stock}"


def say(line: str) -> None:
    print(line, flush=True)


def complain(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence instead of the whole usage."""
        self.exit(USAGE_ERROR, f"{self.prog}: {message} (--help lists the options)\n")


def parse_options() -> argparse.Namespace:
    parser = Parser(
        description=__doc__.partition("\n\n")[0], epilog="Prices are in cents.", allow_abbrev=False
    )
    add = parser.add_argument
    default = " (default: %(default)s)"
    add("--url", type=url_of_tape, default=DEFAULT_URL, help="the tape" + default)
    add("--venue", type=name, default="TESTEX", help="which venue" + default)
    add("--symbol", type=name, help="which stock (default: all of the venue)")
    add("--account", type=name, help="show this account's trades instead of quotes")
    add("--key", default="",
        help="the account's API key, for an exchange that was started with -a")
    return parser.parse_args()


def url_of_tape(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if scheme not in ("ws", "wss") or not rest.strip("/"):
        raise argparse.ArgumentTypeError(f"{text!r} is no url of a tape, like {DEFAULT_URL}")
    host, _, path = rest.partition("/")
    return text if path else f"{scheme}{separator}{host}/ob/api/ws/"


def name(text: str) -> str:
    if not 1 <= len(text) <= LONGEST_NAME or not text.isprintable():
        raise argparse.ArgumentTypeError(
            f"a name has 1 to {LONGEST_NAME} characters that can be printed"
        )
    return text


if __name__ == "__main__":
    sys.exit(main())
