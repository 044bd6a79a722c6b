"""As many listeners as bots have connections, all at once."""

import contextlib
import http.client
import json

import pytest
from live import running
from ports import free_port
from raw_websocket import RawPeer
from wsgi import BUY, ORDERS

from disorderbook.process.sockets import allow_descriptors
from disorderbook.protocol.names import HOST

CROWD = 2000


@pytest.mark.slow
def test_two_thousand_listeners_and_two_thousand_connections_have_room() -> None:
    assert allow_descriptors() > 2 * CROWD + 100
    port = free_port()
    with running("-w", "--wsport", str(port)) as exchange, contextlib.ExitStack() as stack:
        bots = [http.client.HTTPConnection(HOST, exchange.port, timeout=20) for _ in range(CROWD)]
        for bot in bots:
            bot.connect()
            stack.callback(bot.close)
        path = "/ob/api/ws/ANN/venues/TESTEX/tickertape"
        peers = [stack.enter_context(RawPeer.listening(port, path)) for _ in range(CROWD)]
        bots[-1].request("POST", ORDERS, json.dumps(BUY))
        assert json.load(bots[-1].getresponse())["ok"] is True
        for peer in peers:
            frame = peer.frame()
            assert frame is not None and json.loads(frame.payload)["quote"]["bid"] == BUY["price"]
    assert exchange.log().count("\n") < 30, exchange.log()
