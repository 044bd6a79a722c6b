"""The HTTP server under the application: waitress, or any other that Bottle has an adapter for."""

import logging

import bottle

HOST = "127.0.0.1"

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


def serve(app: bottle.Bottle, server: str, port: int) -> None:
    """Serve until interrupted; raises ImportError if the server is not installed, or OSError."""
    # With more clients than threads a request waits for a moment, which is no news.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    bottle.run(
        app, server=server, host=HOST, port=port, quiet=True, **OPTIONS.get(server, {})
    )
