"""A market, a listener or a connection that was used before a fork, in both processes after it."""

import gc
import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection as Pipe

import pytest
from forked import Child, forked, forked_by_multiprocessing, heard
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as serve_websockets

from disorderbook.client import ExchangeUnreachable, Listener, Market, MarketClosed, Quote, Refused
from disorderbook.client.network import detach
from disorderbook.client.results import Verdict, read
from disorderbook.in_process import PrivateExchange

REQUESTS = 300
REFUSAL = b'{"ok":false,"error":"yes"}'
Fork = Callable[[Child], AbstractContextManager[Pipe]]
both_ways = pytest.mark.parametrize("fork", [forked, forked_by_multiprocessing])


def market_of(exchange: PrivateExchange) -> Market:
    return Market("TESTEX", "FOOBAR", "ME", None, exchange.url, exchange.tape_url)


def prices_answered(market: Market, first: int) -> list[int]:
    """Those of so many orders, each with a price of its own, cancelled at once."""
    return [
        market.cancel(market.buy(price, 1)).price for price in range(first, first + REQUESTS // 2)
    ]


@both_ways
def test_each_process_gets_its_own_answers(exchange: PrivateExchange, fork: Fork) -> None:
    with market_of(exchange) as market:
        market.quote()

        def trade(pipe: Pipe) -> None:
            pipe.send("ready")
            pipe.recv()
            pipe.send(prices_answered(market, 5000))

        with fork(trade) as child:
            assert heard(child) == "ready"
            child.send("go")
            assert prices_answered(market, 1000) == list(range(1000, 1000 + REQUESTS // 2))
            assert heard(child) == list(range(5000, 5000 + REQUESTS // 2))


def test_a_lock_that_another_thread_held_at_the_fork_is_free(exchange: PrivateExchange) -> None:
    with market_of(exchange) as market:
        market.quote()
        with market._connection._lock, forked(lambda pipe: pipe.send(market.quote().bid)) as child:
            assert heard(child) is None


def test_a_fork_in_the_midst_of_a_request_leaves_the_answer_to_the_parent() -> None:
    """In the handler of a signal, for instance."""
    has_forked = threading.Event()
    children: list[int] = []

    def fork(*_: object) -> None:
        children.append(os.fork())
        has_forked.set()

    def answer() -> None:
        with listener.accept()[0] as client:
            client.recv(65536)
            os.kill(os.getpid(), signal.SIGUSR1)
            has_forked.wait(10)
            client.sendall(b"HTTP/1.1 404 No\r\nContent-Length: 26\r\n\r\n" + REFUSAL)

    before = signal.signal(signal.SIGUSR1, fork)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        market = Market("V", "S", url=url, timeout=20)
        told = "nothing"
        try:
            market.quote()
        except Refused as refusal:
            told = refusal.sentence
        except ExchangeUnreachable as fault:
            told = fault.sentence
        finally:
            if children[-1:] == [0]:
                print("the child was told:", told, flush=True)
                os._exit(told == "yes")
        signal.signal(signal.SIGUSR1, before)
        thread.join(60)
    assert told == "yes" and os.waitpid(children[0], 0)[1] == 0


@both_ways
def test_closing_a_market_in_the_child_disturbs_nothing_of_the_parents(
    exchange: PrivateExchange, fork: Fork
) -> None:
    with market_of(exchange) as market:
        ticks, kept = market.ticks(), market._connection._adapter.made
        market.quote()
        (sock,) = [connection.sock for connection in kept]
        assert sock is not None

        def close(pipe: Pipe) -> None:
            market.close()
            with pytest.raises(MarketClosed):
                market.quote()
            assert list(ticks) == []
            gc.collect()
            pipe.send("closed")

        with fork(close) as child:
            assert heard(child) == "closed"
        market.buy(4321, 1)
        assert (next(ticks).bid, ticks.interruptions) == (4321, 0)
        assert [connection.sock for connection in kept] == [sock], "it had to connect again"


@both_ways
def test_each_process_has_a_listener_of_its_own(exchange: PrivateExchange, fork: Fork) -> None:
    with market_of(exchange) as market:
        ticks = market.ticks()

        def listen(pipe: Pipe) -> None:
            told: list[Quote] = []
            thread = threading.Thread(target=lambda: told.append(next(ticks)), daemon=True)
            thread.start()
            while thread.is_alive():  # nothing tells when it has connected
                market.buy(5, 1)
                thread.join(0.05)
            pipe.send((told[0].bid, ticks.interruptions))

        with fork(listen) as child:
            assert heard(child) == (5, 1)
        order = market.buy(7777, 1)
        bids = [next(ticks).bid for _ in range(order.id + 1)]
        assert set(bids) == {5, 7777} and ticks.interruptions == 0, "the parent misses nothing"


def test_a_listener_that_another_thread_waits_on_can_be_used_in_the_child(
    exchange: PrivateExchange,
) -> None:
    with market_of(exchange) as market:
        ticks = market.ticks()
        told: list[int | None] = []
        thread = threading.Thread(target=lambda: told.append(next(ticks).bid))
        thread.start()
        while ticks._lock.acquire(blocking=False):  # until the thread has it
            ticks._lock.release()

        def end(pipe: Pipe) -> None:
            ticks.close()
            pipe.send(list(ticks))

        with forked(end) as child:
            assert heard(child) == []
        assert thread.is_alive()
        market.buy(5, 1)
        thread.join(60)
        assert told == [5]


def test_the_other_side_of_a_websocket_hears_nothing_of_the_child() -> None:
    said: list[object] = []

    def serve(visitor: ServerConnection) -> None:
        said.append(visitor.request.path if visitor.request else None)
        said.extend(visitor)

    with serve_websockets(serve, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ticks"
        listener = Listener([url], None, 10, lambda text, url: read(text, Verdict, url))
        connection = listener._connection
        assert connection is not None

        def drop(pipe: Pipe) -> None:
            nonlocal listener, connection
            listener.close()
            del listener, connection
            gc.collect()
            pipe.send("dropped")

        with forked(drop) as child:
            assert heard(child) == "dropped"
        connection.send("the parent")
        listener.close()
        server.shutdown()
        thread.join(60)
    assert said == ["/ticks", "the parent"]


def test_a_socket_that_is_detached_is_dead_and_the_other_end_does_not_notice() -> None:
    one, other = socket.socketpair()
    kept = socket.socket(fileno=os.dup(one.fileno()))  # as the parent keeps it
    gone = socket.socket()
    gone.close()
    with one, other, kept:
        detach([one, gone])
        assert one.recv(1) == b""
        with pytest.raises(BrokenPipeError):
            one.send(b"!")
        kept.send(b"?")
        assert other.recv(1) == b"?"
