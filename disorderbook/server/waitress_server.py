"""waitress as a server for the application, at sockets that listen before it runs."""

import logging

import bottle
import waitress

from disorderbook.process.sockets import listen
from disorderbook.server.response import WsgiApp
from disorderbook.server.server import BACKLOG

WAITRESS_OPTIONS = {
    "threads": 8,
    "ident": "disorderBook",
    "connection_limit": 2000,
    "max_request_header_size": 16384,  # bytes
    "max_request_body_size": 1048576,  # bytes; the application refuses more than its own limit
    "outbuf_overflow": 1 << 26,  # bytes of answers in memory; more go to a file
    "channel_timeout": 75,  # seconds
    "asyncore_use_poll": True,
    "clear_untrusted_proxy_headers": False,  # they tell that a request came through a proxy
}


class WaitressServer(bottle.ServerAdapter):  # type: ignore[misc]
    """Listens from its construction on, as InlineServer does; raises OSError for a taken port."""

    def __init__(self, port: int) -> None:
        self._listeners = listen(port, BACKLOG)
        super().__init__(*self._listeners[0].getsockname()[:2])

    def run(self, handler: WsgiApp) -> None:
        """Serve until the process is interrupted."""
        # With more clients than threads a request waits for a moment, which is no news.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        waitress.serve(handler, sockets=self._listeners, _quiet=self.quiet, **WAITRESS_OPTIONS)
