"""Which HTTP server runs under the application: our own, or any that Bottle has an adapter for."""

import logging
import socket

import bottle

from disorderbook.errors import ExchangeError
from disorderbook.exchange import Exchange
from disorderbook.messages import error_message
from disorderbook.origin import OriginPolicy
from disorderbook.rest.server import InlineServer
from disorderbook.sockets import HOST

OWN_SERVER = "inline"
NO_SERVERS = {"cgi"}  # what Bottle calls a server, but serves one request
FORKING_SERVERS = {"gunicorn"}  # which answer in processes that they fork
SERVERS = sorted({OWN_SERVER, *bottle.server_names} - NO_SERVERS)

OPTIONS = {
    "waitress": {
        "threads": 8,
        "ident": "disorderBook",
        "connection_limit": 2000,
        "max_request_header_size": 16384,  # bytes
        "max_request_body_size": 1048576,  # bytes; the application refuses more than its own limit
        "outbuf_overflow": 1 << 26,  # bytes of answers kept in memory; more go to a file
        "channel_timeout": 75,  # seconds
        "asyncore_use_poll": True,
    },
}


def make_server(
    name: str, port: int, origins: OriginPolicy = OriginPolicy()
) -> bottle.ServerAdapter:
    """A server for `bottle.run` that knows its port, also if asked for port 0.

    Ours listens from now on; the others do when they run, and only then raise ImportError if they
    are not installed. Raises OSError if the port is taken.
    """
    if name == OWN_SERVER:
        return InlineServer(port, origins=origins)
    # With more clients than threads a request waits for a moment, which is no news.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    return bottle.server_names[name](HOST, _free_port(port), **OPTIONS.get(name, {}))


def keep_together(server: InlineServer, exchange: Exchange) -> None:
    """Have our server let the exchange keep at once what many requests have changed."""
    exchange.commits_each_turn = False
    server.keep = lambda: _commit(exchange)


def _commit(exchange: Exchange) -> bytes | None:
    try:
        exchange.commit()
    except ExchangeError as refusal:
        return error_message(str(refusal)) + b"\n"
    return None


def _free_port(port: int) -> int:
    """The port itself if nobody listens there, or any free one for port 0; raises OSError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        return int(probe.getsockname()[1])
