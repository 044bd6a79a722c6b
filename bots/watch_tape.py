# Assigned, since python -OO drops docstrings and --help shows this text.
__doc__ = """\
Print the tape as it comes: the quotes of a venue or of one of its stocks, or with --account the
trades of an account. When the exchange goes away, wait until it is back.

This file needs nothing of the others here, so it can be copied and changed.
"""

import sys

try:
    import argparse
    import io
    import json
    import os
    import signal
    import socket
    import ssl
    import time
    from collections.abc import Iterator, Mapping
    from ipaddress import IPv6Address
    from typing import Any, NoReturn
    from urllib.parse import quote as percent_encoded
    from urllib.parse import urlsplit

    import websocket
except KeyboardInterrupt:  # nothing has begun
    sys.exit(130)
except ModuleNotFoundError:
    sys.exit(
        "The package websocket-client is missing; run: python3 -m pip install websocket-client"
        " (or start this with .venv/bin/python, if it was installed there)."
    )

DEFAULT_URL = "ws://127.0.0.1:8000/ob/api/ws/"
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
    time="UTC",
    symbol="stock",
    bidSize="bid size",
    bid="bid",
    ask="ask",
    askSize="ask size",
    last="last",
    lastSize="last size",
)
TRADE = "{time:<12}  {symbol:<10} {direction:>9} {filled:>9} {price:>9} {id:>9} {qty:>9}"
TRADE_HEAD = TRADE.format(
    time="UTC",
    symbol="stock",
    direction="side",
    filled="shares",
    price="price",
    id="order",
    qty="wanted",
)


class Refused(Exception):
    """There will never be anything to hear; says why."""


def main() -> int:
    """Watch until Ctrl-C; returns the exit status."""
    try:
        options = parse_options()
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # a name may be in any script
        head, line = (TRADE_HEAD, trade_line) if options.account else (TICK_HEAD, tick_line)
        for message in messages(tape_url(options), options.key, head, trust(options)):
            say(line(message))
    except Refused as refusal:
        complain(str(refusal))
        return 1
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # nobody reads on, which Python would complain of at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def messages(
    url: str, key: str, head: str, tls: dict[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """All that the tape says, for ever, whatever happens to the connection; raises Refused.

    Each time that it begins to listen, it prints the head of the columns.
    """
    pause, is_away = FIRST_PAUSE, False
    while True:
        try:
            connection = connect(url, key, tls)
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


def connect(url: str, key: str, tls: dict[str, Any] | None = None) -> websocket.WebSocket:
    """A connection; raises Refused if there never will be. `tls` is websocket-client's sslopt."""
    headers = [f"X-Starfighter-Authorization: {key}"] if key else []
    # This machine is never reached by way of a proxy. The library heeds what is not to go through
    # one only where one is named; for others it does what the environment says.
    direct: dict[str, Any] = {"http_proxy_host": "none", "http_no_proxy": ["*"]}
    proxy = direct if is_this_machine(url) else {}
    try:
        return websocket.create_connection(
            url, SILENCE, header=headers, suppress_origin=True, sslopt=tls, **proxy
        )
    except ssl.SSLCertVerificationError as fault:
        raise Refused(
            f"The certificate of {url} is not trusted: {fault.verify_message}; --ca FILE names the"
            " certificate of who signed it"
        ) from None
    except websocket.WebSocketBadStatusException as answer:
        if is_final(answer.status_code):
            status, why = answer.status_code, sentence(answer.resp_body, answer.resp_headers)
            raise Refused(f"Refused: {url} answers {status}, so it is no tape{why}") from None
        raise


def sentence(body: bytes | None, headers: Mapping[str, str] | None) -> str:
    """What an exchange says of a refusal, such as where its tape is, and what exactly was wrong;
    empty for another server.
    """
    try:
        detail = (headers or {}).get("x-error-detail")
        more = f": {json.loads(detail)}" if detail else ""
        return f" ({json.loads(body or b'')['error']}{more})"
    except (ValueError, LookupError, TypeError):
        return ""


def is_final(status: int) -> bool:
    """Whether an HTTP server that refuses the tape with this status will never have it there."""
    return status < 500 or status == 501


def heard(connection: websocket.WebSocket) -> Iterator[dict[str, Any]]:
    """Messages until the connection ends; raises Refused. In a forked process that is at once: the
    connection is the parent's."""
    owner = os.getpid()
    try:
        # `recv` answers pings, and is empty after a close.
        while os.getpid() == owner and (text := connection.recv()):
            message = json.loads(text)
            if not message["ok"]:
                raise Refused(f"Refused: {message['error']}")
            yield message
    except NO_ANSWER:
        pass
    finally:
        if os.getpid() == owner:
            connection.close(timeout=0)
        connection.shutdown()  # without a word to the other side


def is_this_machine(url: str) -> bool:
    """Whether its host is a loopback address (127.0.0.0/8, ::1), localhost or a name below that."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        if ":" in host:
            address = IPv6Address(host)
            return (address.ipv4_mapped or address).is_loopback
        return socket.inet_aton(host)[0] == 127  # which knows 127.1, as the system does
    except (ValueError, OSError):
        return False


def trust(options: argparse.Namespace) -> dict[str, Any]:
    """Whose certificates are trusted, as websocket-client takes it."""
    if options.insecure:
        return {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    if options.ca is None:
        return {}
    return {"ca_cert_path" if os.path.isdir(options.ca) else "ca_certs": options.ca}


def tick_line(message: dict[str, Any]) -> str:
    """Of two prices that are not there one sees a dash."""
    quote = dict.fromkeys(("bid", "ask", "last", "lastSize"), "-") | message["quote"]
    return TICK.format(time=time_of_day(quote["quoteTime"]), **quote)


def trade_line(message: dict[str, Any]) -> str:
    order = message["order"]
    return TRADE.format(
        time=time_of_day(message["filledAt"]),
        symbol=message["symbol"],
        filled=message["filled"],
        price=message["price"],
        direction=order["direction"],
        id=order["id"],
        qty=order["qty"],
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
    trusted = parser.add_mutually_exclusive_group()
    trusted.add_argument(
        "--ca",
        type=certificates,
        metavar="FILE",
        help="trust a wss tape whose certificate is, or is signed by, one of this file (PEM)",
    )
    trusted.add_argument("--insecure", action="store_true", help="trust any certificate")
    add("--venue", type=name, default="TESTEX", help="which venue" + default)
    add("--symbol", type=name, help="which stock (default: all of the venue)")
    add("--account", type=name, help="show this account's trades instead of quotes")
    add("--key", default="", help="the account's API key, for an exchange that was started with -a")
    return parser.parse_args()


def url_of_tape(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if scheme not in ("ws", "wss") or not rest.strip("/"):
        raise argparse.ArgumentTypeError(f"{text!r} is no url of a tape, like {DEFAULT_URL}")
    host, _, path = rest.partition("/")
    return text if path else f"{scheme}{separator}{host}/ob/api/ws/"


def certificates(text: str) -> str:
    """The name of a file or folder that holds some."""
    kind = "capath" if os.path.isdir(text) else "cafile"
    try:
        ssl.create_default_context().load_verify_locations(**{kind: text})
    except OSError as fault:  # which those of TLS are, too
        raise argparse.ArgumentTypeError(
            f"{text!r} holds no certificates to trust: {fault.strerror or fault}"
        ) from None
    return text


def name(text: str) -> str:
    if not 1 <= len(text) <= LONGEST_NAME or not text.isprintable():
        raise argparse.ArgumentTypeError(
            f"a name has 1 to {LONGEST_NAME} characters that can be printed"
        )
    return text


if __name__ == "__main__":
    sys.exit(main())
