"""A listener's queue: what is conflated, what never is, and where it ends."""

from functools import partial

import pytest

from disorderbook.tape.outbox import JOINED_BYTES, Batch, FellBehind, Message, Outbox


def ticks(*named: str) -> Batch:
    """Messages like FOO1, FOO2, BAR1: the letters are the conflation key."""
    return Batch([Message(name.rstrip("0123456789"), name.encode() + b",") for name in named])


def executions(*named: str) -> Batch:
    return Batch([Message(None, name.encode() + b",") for name in named])


def content(outbox: Outbox) -> str:
    return outbox.take().decode().rstrip(",")


def test_messages_leave_in_the_order_in_which_they_came_joined() -> None:
    outbox = Outbox(10, 1000)
    outbox.put(ticks("FOO1", "BAR1"))
    outbox.put(ticks("FOO2"))
    assert len(outbox) == 3
    assert content(outbox) == "FOO1,BAR1,FOO2"
    assert len(outbox) == 0 and outbox.take() == b""


def test_nothing_is_conflated_while_there_is_room() -> None:
    outbox = Outbox(3, 1000)
    assert outbox.put(ticks("FOO1", "FOO2", "FOO3")) == 0
    assert content(outbox) == "FOO1,FOO2,FOO3"


def test_beyond_the_limit_only_the_newest_tick_of_each_book_stays() -> None:
    outbox = Outbox(5, 1000)
    outbox.put(ticks("FOO1", "BAR1", "FOO2", "FOO3"))
    assert outbox.put(ticks("BAR2", "FOO4")) == 4
    assert content(outbox) == "BAR2,FOO4"


def test_beyond_the_limit_in_bytes_as_well() -> None:
    outbox = Outbox(100, 12)
    assert outbox.put(ticks("FOO1", "FOO2")) == 0
    assert outbox.put(ticks("FOO3")) == 2
    assert content(outbox) == "FOO3"


def test_an_execution_is_never_conflated() -> None:
    outbox = Outbox(3, 1000)
    outbox.put(executions("a", "b", "c"))
    with pytest.raises(FellBehind):
        outbox.put(executions("d"))


def test_more_books_than_messages_may_wait_is_falling_behind() -> None:
    outbox = Outbox(4, 1000)
    outbox.put(ticks("A1", "B1", "C1", "D1"))
    with pytest.raises(FellBehind):
        outbox.put(ticks("E1"))


def test_conflation_has_to_leave_half_of_the_messages_room() -> None:
    outbox = Outbox(6, 1000)
    outbox.put(ticks("A1", "B1", "C1", "A2", "B2", "C2"))
    assert outbox.put(ticks("A3")) == 4, "three of six is half"
    outbox = Outbox(6, 1000)
    outbox.put(ticks("A1", "B1", "C1", "D1", "A2", "B2"))
    with pytest.raises(FellBehind):
        outbox.put(ticks("C2"))


def test_conflation_has_to_leave_half_of_the_bytes_room() -> None:
    outbox = Outbox(100, 18)
    outbox.put(ticks("A1", "B1", "C1", "A2", "B2", "C2"))  # of 3 bytes each
    assert outbox.put(ticks("A3")) == 4, "nine of 18 is half"
    outbox = Outbox(100, 18)
    outbox.put(ticks("A1", "B1", "C1", "D1", "A2", "B2"))
    with pytest.raises(FellBehind):
        outbox.put(ticks("C2"))


def test_a_million_ticks_leave_no_more_behind_than_the_limit() -> None:
    outbox = Outbox(100, 10_000)
    for _ in range(10_000):
        outbox.put(ticks(*["FOO1"] * 99, "BAR2"))
        assert len(outbox) <= 100
    assert content(outbox).endswith("BAR2")


def test_one_piece_is_about_what_one_send_takes() -> None:
    outbox = Outbox(1000, 100 * JOINED_BYTES)
    big = Message(None, bytes(JOINED_BYTES // 2))
    outbox.put(Batch([big] * 5))
    assert [len(outbox.take()) for _ in range(4)] == [
        JOINED_BYTES,
        JOINED_BYTES,
        JOINED_BYTES // 2,
        0,
    ]


def test_what_was_taken_makes_room_in_bytes() -> None:
    outbox = Outbox(100, 12)
    for _ in range(5):
        assert outbox.put(ticks("FOO1", "FOO2")) == 0
        assert content(outbox) == "FOO1,FOO2"


def test_a_frame_may_be_made_when_it_is_its_turn() -> None:
    made: list[int] = []
    outbox = Outbox(10, 12)

    def frame(number: int) -> bytes:
        made.append(number)
        return b"%d" % number * JOINED_BYTES

    batch = Batch([Message(None, partial(frame, number)) for number in range(5)])
    assert batch.joined is None
    outbox.put(batch)
    outbox.put(executions("last"))
    assert len(outbox) == 6 and not made
    assert outbox.take() == b"0" * JOINED_BYTES and made == [0]
    assert [outbox.take()[:2] for _ in range(5)] == [b"11", b"22", b"33", b"44", b"la"]


def test_a_cleared_outbox_has_all_its_room_again() -> None:
    outbox = Outbox(3, 10)
    outbox.put(executions("aaa", "bbb"))
    outbox.clear()
    outbox.put(executions("ccc", "ddd"))
    assert content(outbox) == "ccc,ddd"
