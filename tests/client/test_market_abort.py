"""A connection can be cut while a thread waits on it."""

import socket
import threading

import pytest

from disorderbook.client import ExchangeUnreachable, Market, MarketClosed

PATIENCE = 30.0  # seconds; far below the timeout of the markets here


def test_abort_ends_a_call_that_waits_for_an_answer_and_each_later_one() -> None:
    raised: list[Exception] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE)
        market = Market(
            "V", "S", "ME", url=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=3600
        )

        def buy() -> None:
            try:
                market.buy(5000, 1)
            except ExchangeUnreachable as fault:
                raised.append(fault)

        thread = threading.Thread(target=buy, daemon=True)
        thread.start()
        with silent.accept()[0] as accepted:
            accepted.settimeout(PATIENCE)
            assert accepted.recv(4) == b"POST"  # so it waits for an answer now
            market.abort()
            thread.join(PATIENCE)
    assert not thread.is_alive()
    assert [getattr(fault, "was_sent", None) for fault in raised] == [True]
    with pytest.raises(MarketClosed):
        market.quote()


def test_abort_of_an_idle_market_is_like_close() -> None:
    market = Market("V", "S")
    market.abort()
    market.abort()
    with pytest.raises(MarketClosed):
        market.quote()
