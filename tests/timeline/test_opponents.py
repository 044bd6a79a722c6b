"""Opponents: who they are, and that they follow from a seed."""

import pytest

from disorderbook.engine.orders import NewOrder, OrderType, Side
from disorderbook.exchange import Exchange
from disorderbook.protocol.names import NANOSECONDS
from disorderbook.timeline.clock import SteppedClock
from disorderbook.timeline.opponents import MOST_OPPONENTS, Opponents, opponents_of
from disorderbook.timeline.timeline import Timeline

THREE = "market-maker,taker,noise:3"
Row = tuple[int, str, int, int, int]


class World:
    """A stepped market with opponents."""

    def __init__(self, text: str, seed: int | None = 7) -> None:
        self.clock = SteppedClock()
        self.exchange = Exchange(clock=self.clock)
        self.book = self.exchange.book("TESTEX", "FOOBAR")
        self.opponents = Opponents(self.exchange, self.clock, self.book, opponents_of(text), seed)
        self.timeline = Timeline(self.exchange, self.clock, [self.opponents])

    def after(self, seconds: int) -> "World":
        self.timeline.advance(seconds * NANOSECONDS)
        return self

    def orders(self) -> list[Row]:
        found = [self.book.find(number) for number in range(self.book.next_id)]
        return [(o.ts, o.account, o.side, o.price, o.quantity) for o in found if o is not None]


def test_a_list_names_them_with_accounts_of_their_own() -> None:
    assert [each.account for each in opponents_of(THREE)] == [
        "MAKERBOTS",
        "TAKERBOTS",
        "NOISEBOTS1",
        "NOISEBOTS2",
        "NOISEBOTS3",
    ]
    assert opponents_of("market-maker taker  noise:3") == opponents_of(THREE)
    assert [each.account for each in opponents_of("noise,noise-slow")] == [
        "NOISEBOTS1",
        "NOISEBOTS2",
    ]
    assert {each.account for each in opponents_of("noisier")} == {"NOISEBOTS"}
    assert len(opponents_of("noisier")) == 6
    assert opponents_of("") == opponents_of(" ") == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nobody", "No opponent is called 'nobody'; there are market-maker, taker"),
        ("noise:0", "'noise:0' names no opponents: a count is 1 to 100"),
        ("noise:101", "'noise:101' names no opponents: a count is 1 to 100"),
        ("noise:-1", "'noise:-1' names no opponents: NAME or NAME:COUNT"),
        ("noise:x", "names no opponents"),
        ("noise:99999", "names no opponents"),
        ("NOISE", "names no opponents"),
        ("noise:60 taker:60", f"There are at most {MOST_OPPONENTS} opponents"),
        ("noisier:17", f"There are at most {MOST_OPPONENTS} opponents"),
    ],
)
def test_what_names_no_opponents_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as refusal:
        opponents_of(text)
    assert str(refusal.value).startswith(sentence) or sentence in str(refusal.value)
    assert len(str(refusal.value)) < 200


def test_all_they_do_follows_from_the_seed() -> None:
    first, second, other = (World(THREE, seed).after(60).orders() for seed in (7, 7, 8))
    assert first == second != other
    assert {row[1] for row in first} == {each.account for each in opponents_of(THREE)}
    assert len(first) > 300
    drawn = [World("noise", None).after(5).orders() for _ in range(2)]
    assert drawn[0] != drawn[1]


def test_each_draws_from_a_stream_of_its_own() -> None:
    """Another opponent more or less changes nothing of what the others want."""

    def wanted(text: str, account: str) -> list[tuple[int, int]]:
        return [(row[2], row[4]) for row in World(text).after(30).orders() if row[1] == account]

    alone = wanted("taker", "TAKERBOTS")
    assert alone == wanted(THREE, "TAKERBOTS") == wanted("noise:2,taker", "TAKERBOTS")
    first, second = (wanted("noise:2", f"NOISEBOTS{number}") for number in (1, 2))
    assert first != second and len(first) > 20


def test_what_is_due_at_the_same_moment_happens_in_the_order_of_the_list() -> None:
    world = World("noise-slow:3")
    assert world.opponents.next_at == world.clock.now + 4 * NANOSECONDS
    world.after(12)
    assert [row[1] for row in world.orders()] == ["NOISEBOTS1", "NOISEBOTS2", "NOISEBOTS3"] * 3


def test_nobody_acts_before_time_passes() -> None:
    world = World(THREE).after(0)
    assert world.book.next_id == 0 and world.clock.now < (world.opponents.next_at or 0)


def test_one_that_fails_acts_no_more_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World("taker,noise")

    def fail(market: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(world.opponents._bots[0]._strategy, "step", fail)
    world.after(10)
    assert {row[1] for row in world.orders()} == {"NOISEBOTS"}
    assert caplog.text.count("RuntimeError: a bug") == 1 and "TAKERBOTS acts no more" in caplog.text


def test_they_go_on_with_the_orders_that_they_have() -> None:
    exchange, clock = Exchange(clock=SteppedClock()), SteppedClock()
    book = exchange.book("TESTEX", "FOOBAR")
    for number in range(30):
        exchange.submit(book, NewOrder("NOISEBOTS", Side.BUY, OrderType.LIMIT, 1 + number, 5))
    opponents = Opponents(exchange, clock, book, opponents_of("noise"), 7)
    timeline = Timeline(exchange, clock, [opponents])
    timeline.advance(2 * NANOSECONDS)
    resting = [order for level in book.bids for order in level.orders.values()]
    assert len(resting) <= 11 and book.next_id > 30


@pytest.mark.parametrize("speed, makes_up", [(1.0, False), (100.0, True)])
def test_only_a_lag_of_less_than_a_real_second_is_made_up_for(speed: float, makes_up: bool) -> None:
    """20 seconds of the exchange's clock, in which the machine was slow, or asleep."""
    clock = SteppedClock()
    clock.speed = speed
    exchange = Exchange(clock=clock)
    book = exchange.book("TESTEX", "FOOBAR")
    opponents = Opponents(exchange, clock, book, opponents_of("noise"), 7)
    clock.now += 20 * NANOSECONDS
    steps = 0
    while (due := opponents.next_at) is not None and due <= clock.now:
        opponents.act()
        steps += 1
    assert steps > 10 if makes_up else steps == 1
