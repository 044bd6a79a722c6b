"""What may stand after the options of a bot, checked, with a sentence about what is wrong."""

import argparse
import math
from collections.abc import Callable
from typing import NoReturn

from stockfighter_minimal import api_url, checked_verify

USAGE_ERROR = 2  # exit status
LONGEST_NAME = 255  # characters of a venue, symbol or account
LONGEST_PAUSE = 86400.0  # seconds
MOST_ORDERS = 10**9


class Parser(argparse.ArgumentParser):
    """A parser of command lines that is short when it refuses one."""

    def error(self, message: str) -> NoReturn:
        """One sentence instead of the whole usage."""
        self.exit(USAGE_ERROR, f"{self.prog}: {message} (--help lists the options)\n")


def url(text: str) -> str:
    try:
        return api_url(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from None


def certificates(text: str) -> str:
    """The name of a file or folder that holds some."""
    try:
        return str(checked_verify(text))
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from None


def name(text: str) -> str:
    if not 1 <= len(text) <= LONGEST_NAME or not text.isprintable():
        raise argparse.ArgumentTypeError(
            f"a name has 1 to {LONGEST_NAME} characters that can be printed"
        )
    return text


def key(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise argparse.ArgumentTypeError(
            "a key has characters that can be printed, no spaces around it"
        )
    return text


def pause(text: str) -> tuple[float, float]:
    first, dash, last = text.partition("-")
    try:
        least, most = float(first), float(last if dash else first)
    except ValueError:
        least = most = math.nan
    if not 0 <= least <= most <= LONGEST_PAUSE:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither seconds, like 4, nor two limits, like 0.3-0.7"
        )
    return least, most


def count_up_to(most: int) -> Callable[[str], int]:
    """What reads a number from 1 to this."""

    def count(text: str) -> int:
        is_short = text.isascii() and text.isdigit() and len(text) <= len(str(most))
        if not is_short or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {most}")
        return int(text)

    return count
