"""The limits that users and old clients rely on."""

import re
from pathlib import Path

from disorderbook.tape.limits import TapeLimits, limits_for

PAGE = Path(__file__).parents[2] / "docs" / "tape.md"


def test_the_limits_are_those_that_old_clients_rely_on() -> None:
    limits = TapeLimits()
    assert limits.handshake_seconds == 5 and limits.header_bytes == 8 * 1024
    assert limits.ping_seconds == limits.pong_seconds == 20
    assert limits.received_bytes == 64 * 1024 and limits.received_seconds == 10
    assert limits.listeners == 4096
    assert limits.refusal_seconds == 1 and limits.refused == 500
    assert limits.waiting_messages == 4096 and limits.waiting_bytes == 4 * 1024**2


def test_half_of_the_descriptors_are_left_to_others() -> None:
    assert limits_for(16_384) == TapeLimits()
    few = limits_for(512)
    assert few.listeners + few.pending + few.refused == 256
    assert (few.pending, few.refused) == (13, 26)


def test_the_number_of_listeners_can_be_chosen_as_far_as_there_are_descriptors() -> None:
    assert limits_for(16_384, 3) == TapeLimits()._replace(listeners=3)
    many = limits_for(16_384, 5000)
    assert (many.listeners, many.pending, many.refused) == (5000, 256, 500)
    assert limits_for(16_384, 10**6).listeners == 16_384 // 2 - 256 - 500
    assert limits_for(512, 3) == limits_for(512)._replace(listeners=3)
    assert limits_for(512, 1000) == limits_for(512)


def test_the_page_about_the_tape_has_each_limit_with_its_value() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\d,.]+) \|", PAGE.read_text(), re.MULTILINE)
    told = {name: float(value.replace(",", "")) for name, value in rows}
    assert told == TapeLimits()._asdict()
