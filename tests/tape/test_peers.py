"""Two client packages that are not ours listen to the tape as users would."""

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator

import pytest
import websocket
import websockets
from raw_websocket import EXECUTIONS, TICKERS
from tape_market import Market, market, wait_until
from websockets.sync.client import connect

PATIENCE = 30


@pytest.fixture
def services() -> Iterator[Market]:
    with market() as open_market:
        yield open_market


def at(services: Market, path: str = TICKERS) -> str:
    return f"ws://127.0.0.1:{services.port}{path}"


def test_websocket_client_listens(services: Market) -> None:
    ticks = websocket.create_connection(at(services), PATIENCE)
    executions = websocket.create_connection(at(services, EXECUTIONS), PATIENCE)
    services.trade("ANN", "BOB")
    assert json.loads(executions.recv())["account"] == "ANN"
    assert [json.loads(ticks.recv())["quote"]["bidDepth"] for _ in range(2)] == [1, 0]
    ticks.ping("are you there")
    assert ticks.recv_data(control_frame=True) == (websocket.ABNF.OPCODE_PONG, b"are you there")
    ticks.close()
    executions.close()
    wait_until(lambda: not services.tape._server.connections)


def test_websocket_client_as_an_application(services: Market) -> None:
    heard: list[str] = []

    def on_message(app: websocket.WebSocketApp, text: str) -> None:
        heard.append(text)
        if len(heard) == 3:
            app.close()

    app = websocket.WebSocketApp(
        at(services), on_open=lambda _: services.tick(3), on_message=on_message
    )
    app.run_forever(ping_interval=0.1, ping_timeout=0.05)
    assert len(heard) == 3


def test_websocket_client_is_told_why_it_is_refused(services: Market) -> None:
    peer = websocket.create_connection(at(services, "/nonsense"), PATIENCE)
    assert "is not one of" in json.loads(peer.recv())["error"]
    opcode, closing = peer.recv_data(control_frame=True)
    assert opcode == websocket.ABNF.OPCODE_CLOSE and closing[:2] == (1008).to_bytes(2, "big")
    peer.close()


def test_websockets_listens(services: Market) -> None:
    # It offers permessage-deflate and a subprotocol, and gets neither.
    with connect(at(services), subprotocols=["chat"], open_timeout=PATIENCE) as ticks:  # type: ignore
        assert ticks.subprotocol is None and not ticks.protocol.extensions
        services.tick(2)
        assert all(json.loads(ticks.recv(PATIENCE))["ok"] for _ in range(2))
        assert ticks.ping("x").wait(PATIENCE)
        ticks.send("a listener has nothing to say")
        services.tick()
        assert json.loads(ticks.recv(PATIENCE))["ok"]
    assert ticks.protocol.close_code == 1000


def test_websockets_is_told_why_it_is_refused(services: Market) -> None:
    with connect(at(services, "/nonsense")) as peer:
        assert "is not one of" in json.loads(peer.recv(PATIENCE))["error"]
        with pytest.raises(websockets.ConnectionClosedError) as closing:
            peer.recv(PATIENCE)
    assert closing.value.rcvd is not None and closing.value.rcvd.code == 1008


def test_websockets_is_told_that_its_origin_is_foreign(services: Market) -> None:
    with pytest.raises(websockets.InvalidStatus) as refusal:
        connect(at(services), origin="http://evil.example").close()  # type: ignore[arg-type]
    assert refusal.value.response.status_code == 403


def test_websockets_hears_that_the_exchange_closes(services: Market) -> None:
    with connect(at(services)) as peer:
        closing = threading.Thread(target=services.tape.close)
        closing.start()
        with pytest.raises(websockets.ConnectionClosedOK) as goodbye:
            peer.recv(PATIENCE)
        closing.join(PATIENCE)
    assert goodbye.value.rcvd is not None and goodbye.value.rcvd.code == 1001


def test_a_hundred_websockets_in_one_asyncio_loop(services: Market) -> None:
    async def listen() -> list[str]:
        peers = await asyncio.gather(*(websockets.connect(at(services)) for _ in range(100)))
        await asyncio.to_thread(services.tick, 10)
        heard = [json.loads(await peer.recv())["ok"] for peer in peers for _ in range(10)]
        await asyncio.gather(*(peer.close() for peer in peers))
        return heard

    assert asyncio.run(asyncio.wait_for(listen(), PATIENCE)) == [True] * 1000


def test_a_client_that_expects_tls_is_refused_and_harms_nobody() -> None:
    with market(handshake_seconds=0.2) as services:
        with pytest.raises((ssl.SSLError, OSError)):
            websocket.create_connection(at(services).replace("ws:", "wss:"), PATIENCE)
        ticks = websocket.create_connection(at(services), PATIENCE)
        services.tick()
        assert json.loads(ticks.recv())["ok"]
        ticks.close()
