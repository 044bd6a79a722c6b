"""Two client packages that are not ours listen to the tape as users would."""

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator

import pytest
import websocket
import websockets
from market import Market, market, wait_until
from raw import EXECUTIONS, TICKERS
from websockets.sync.client import connect

PATIENCE = 10


@pytest.fixture
def house() -> Iterator[Market]:
    with market() as open_market:
        yield open_market


def at(house: Market, path: str = TICKERS) -> str:
    return f"ws://127.0.0.1:{house.port}{path}"


def test_websocket_client_listens(house: Market) -> None:
    ticks = websocket.create_connection(at(house), PATIENCE)
    executions = websocket.create_connection(at(house, EXECUTIONS), PATIENCE)
    house.trade("ANN", "BOB")
    assert json.loads(executions.recv())["account"] == "ANN"
    assert [json.loads(ticks.recv())["quote"]["bidDepth"] for _ in range(2)] == [1, 0]
    ticks.ping("are you there")
    assert ticks.recv_data(control_frame=True) == (websocket.ABNF.OPCODE_PONG, b"are you there")
    ticks.close()
    executions.close()
    wait_until(lambda: not house.tape._server.connections)


def test_websocket_client_as_an_application(house: Market) -> None:
    heard: list[str] = []

    def on_message(app: websocket.WebSocketApp, text: str) -> None:
        heard.append(text)
        if len(heard) == 3:
            app.close()

    app = websocket.WebSocketApp(at(house), on_open=lambda _: house.tick(3), on_message=on_message)
    app.run_forever(ping_interval=0.1, ping_timeout=0.05)
    assert len(heard) == 3


def test_websocket_client_is_told_why_it_is_refused(house: Market) -> None:
    peer = websocket.create_connection(at(house, "/nonsense"), PATIENCE)
    assert "is not one of" in json.loads(peer.recv())["error"]
    opcode, closing = peer.recv_data(control_frame=True)
    assert opcode == websocket.ABNF.OPCODE_CLOSE and closing[:2] == (1008).to_bytes(2, "big")
    peer.close()


def test_websockets_listens(house: Market) -> None:
    # It offers permessage-deflate and a subprotocol, and gets neither.
    with connect(at(house), subprotocols=["chat"], open_timeout=PATIENCE) as ticks:  # type: ignore
        assert ticks.subprotocol is None and not ticks.protocol.extensions
        house.tick(2)
        assert all(json.loads(ticks.recv(PATIENCE))["ok"] for _ in range(2))
        assert ticks.ping("x").wait(PATIENCE)
        ticks.send("a listener has nothing to say")
        house.tick()
        assert json.loads(ticks.recv(PATIENCE))["ok"]
    assert ticks.protocol.close_code == 1000


def test_websockets_is_told_why_it_is_refused(house: Market) -> None:
    with connect(at(house, "/nonsense")) as peer:
        assert "is not one of" in json.loads(peer.recv(PATIENCE))["error"]
        with pytest.raises(websockets.ConnectionClosedError) as closing:
            peer.recv(PATIENCE)
    assert closing.value.rcvd is not None and closing.value.rcvd.code == 1008


def test_websockets_is_told_that_its_origin_is_foreign(house: Market) -> None:
    with pytest.raises(websockets.InvalidStatus) as refusal:
        connect(at(house), origin="http://evil.example").close()  # type: ignore[arg-type]
    assert refusal.value.response.status_code == 403


def test_websockets_hears_that_the_exchange_closes(house: Market) -> None:
    with connect(at(house)) as peer:
        closing = threading.Thread(target=house.tape.close)
        closing.start()
        with pytest.raises(websockets.ConnectionClosedOK) as goodbye:
            peer.recv(PATIENCE)
        closing.join(PATIENCE)
    assert goodbye.value.rcvd is not None and goodbye.value.rcvd.code == 1001


def test_a_hundred_websockets_in_one_asyncio_loop(house: Market) -> None:
    async def listen() -> list[str]:
        peers = await asyncio.gather(*(websockets.connect(at(house)) for _ in range(100)))
        await asyncio.to_thread(house.tick, 10)
        heard = [json.loads(await peer.recv())["ok"] for peer in peers for _ in range(10)]
        await asyncio.gather(*(peer.close() for peer in peers))
        return heard

    assert asyncio.run(asyncio.wait_for(listen(), PATIENCE)) == [True] * 1000


def test_a_client_that_expects_tls_is_refused_and_harms_nobody() -> None:
    with market(handshake_seconds=0.2) as house:
        with pytest.raises((ssl.SSLError, OSError)):
            websocket.create_connection(at(house).replace("ws:", "wss:"), PATIENCE)
        ticks = websocket.create_connection(at(house), PATIENCE)
        house.tick()
        assert json.loads(ticks.recv())["ok"]
        ticks.close()
