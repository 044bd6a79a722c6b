"""What the values of options may be: each function reads one, and refuses it in a sentence."""

import argparse
import re
from collections.abc import Callable
from typing import TypeVar

from disorderbook.game.master import LONGEST_DAY, SHORTEST_DAY
from disorderbook.process.sockets import WANTED_DESCRIPTORS
from disorderbook.protocol.names import NAME_RULE, is_name
from disorderbook.server.origin import host_name
from disorderbook.tape.limits import limits_for

MOST_LISTENERS = limits_for(WANTED_DESCRIPTORS, WANTED_DESCRIPTORS).listeners

T = TypeVar("T")


def between(least: int, most: int) -> Callable[[str], int]:
    """What reads an integer within these limits."""

    def parse(text: str) -> int:
        if re.fullmatch("[0-9]{1,16}", text) and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r} is no integer from {least} to {most}")

    return parse


def seconds_between(least: float, most: float) -> Callable[[str], float]:
    """What reads a decimal number of seconds within these limits."""

    def parse(text: str) -> float:
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?|\.[0-9]{1,9}", text):
            if least <= float(text) <= most:
                return float(text)
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of seconds from {least:g} to {most:g}"
        )

    return parse


seconds = seconds_between(SHORTEST_DAY, LONGEST_DAY)
"""The length of a day."""


def name(text: str) -> str:
    """What a venue or a stock may be called from the start."""
    if not is_name(text):
        raise argparse.ArgumentTypeError(NAME_RULE)
    return text


def sensible(read: Callable[[str], T]) -> Callable[[str], T]:
    """What reads an option as `read` does, which raises ValueError with a sentence."""

    def parse(text: str) -> T:
        try:
            return read(text)
        except ValueError as fault:
            raise argparse.ArgumentTypeError(str(fault)) from None

    return parse


host = sensible(host_name)
"""A host name by which an exchange may be called."""
