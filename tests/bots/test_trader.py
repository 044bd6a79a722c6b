"""What all bots share, tried with the noise trader against a live exchange."""

import threading
from typing import Any

from live import Exchange, running
from noise_trader import NoiseTrader
from stockfighter_minimal import Answer, Client
from trader import LARGEST, run_together


def a_trader(exchange: Exchange, venue: str, **knobs: Any) -> NoiseTrader:
    return NoiseTrader(
        Client(exchange.url),
        venue=venue,
        account="ANN",
        say=lambda line: None,
        **{"seed": 1, "pause": (0.0, 0.0), **knobs},
    )


def orders_on(exchange: Exchange, venue: str, count: int) -> list[Answer]:
    """The first `count` orders of the book, without their times."""
    client = Client(exchange.url)
    answers = [client.status(venue, "FOOBAR", order_id) for order_id in range(count)]
    client.close()
    return [_without_times(answer) for answer in answers if answer is not None]


def _without_times(answer: Answer) -> Answer:
    fills = [(fill["price"], fill["qty"]) for fill in answer["fills"]]
    return {**answer, "ts": None, "venue": None, "fills": fills}


def test_it_sends_exactly_as_many_orders_as_it_may(exchange: Exchange, venue: str) -> None:
    trader = a_trader(exchange, venue, orders=17)
    trader.run(threading.Event())
    assert (trader.sent, trader.placed) == (17, 17)
    assert len(orders_on(exchange, venue, 18)) == 17


def test_refused_orders_count(exchange: Exchange, venue: str) -> None:
    trader = a_trader(exchange, "V" * 256, orders=3)
    trader.run(threading.Event())
    assert (trader.sent, trader.placed) == (3, 0)


def test_the_same_seed_makes_the_same_orders(exchange: Exchange, venue: str) -> None:
    for name, seed, pause in (("-A", 7, 0.0), ("-B", 7, 0.002), ("-C", 8, 0.0)):
        trader = a_trader(exchange, venue + name, seed=seed, pause=(0.0, pause), orders=40)
        trader.run(threading.Event())
    first, same, other = (orders_on(exchange, venue + name, 40) for name in ("-A", "-B", "-C"))
    assert len(first) == 40 and first == same
    assert first != other


def test_its_position_is_what_its_orders_have_traded(exchange: Exchange, venue: str) -> None:
    ann, bob = (a_trader(exchange, venue) for _ in range(2))
    bob.account = "BOB"
    ann.place("sell", 10, 5000)
    bob.place("buy", 4, 5001)
    assert (bob.shares, bob.cents) == (4, -20000)
    assert (ann.shares, ann.cents) == (0, 0)  # it has not looked since
    ann.cancel_oldest(beyond=0)
    assert (ann.shares, ann.cents) == (-4, 20000)
    assert (ann.cancelled, ann.resting) == (1, {})


def test_prices_stay_in_the_range_that_the_exchange_takes(exchange: Exchange, venue: str) -> None:
    trader = a_trader(exchange, venue)
    trader.place("buy", 1, -50)
    trader.place("sell", 1, LARGEST + 100)
    assert [order["price"] for order in orders_on(exchange, venue, 2)] == [1, LARGEST]


def test_a_long_pause_ends_at_once_when_told_to_stop(exchange: Exchange, venue: str) -> None:
    stop, has_placed = threading.Event(), threading.Event()
    trader = a_trader(exchange, venue, pause=(3600.0, 3600.0))
    trader.say = lambda line: has_placed.set()
    thread = threading.Thread(target=trader.run, args=(stop,))
    thread.start()
    assert has_placed.wait(10)
    stop.set()
    thread.join(2)
    assert not thread.is_alive()


def test_orders_of_an_exchange_that_was_started_afresh_are_forgotten() -> None:
    with running() as exchange:
        trader = a_trader(exchange, "TESTEX")
        for price in (4000, 4001, 4002):
            trader.place("buy", 1, price)
        assert list(trader.resting) == [0, 1, 2]
    with running("-p", str(exchange.port)):
        trader.place("buy", 1, 4003)
        assert list(trader.resting) == [0]
        assert trader.placed == 4


def test_traders_run_side_by_side_until_the_last_has_finished(
    exchange: Exchange, venue: str
) -> None:
    client = Client(exchange.url)
    traders = [
        NoiseTrader(
            client,
            venue=venue,
            account="ANN",
            seed=seed,
            pause=(0.0, 0.01),
            orders=5 + seed,
            say=lambda line: None,
        )
        for seed in range(4)
    ]
    assert run_together(traders, threading.Event()) is True
    assert [trader.placed for trader in traders] == [5, 6, 7, 8]
    assert len(orders_on(exchange, venue, 27)) == 26


def test_a_trader_that_fails_is_reported(exchange: Exchange, venue: str, monkeypatch: Any) -> None:
    printed: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", printed.append)
    broken = a_trader(exchange, venue)
    broken.rng = None  # type: ignore[assignment]
    whole = a_trader(exchange, venue, orders=3)
    assert run_together([broken, whole], threading.Event()) is False
    assert whole.placed == 3 and len(printed) == 1
