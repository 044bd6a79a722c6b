"""Values of options: which are read, and what is said of the others."""

from argparse import ArgumentTypeError
from collections.abc import Callable

import pytest

from disorderbook.cli.values import between, host, name, seconds


def test_what_can_be_used_is_read() -> None:
    assert (between(0, 9)("0"), between(0, 9)("9"), between(0, 99)("007")) == (0, 9, 7)
    assert (seconds("0.05"), seconds(".5"), seconds("60")) == (0.05, 0.5, 60.0)
    assert (name("TEST EX"), host("Exchange.Example")) == ("TEST EX", "exchange.example")


@pytest.mark.parametrize(
    "read, text, sentence",
    [
        (between(1, 9), "0", "'0' is no integer from 1 to 9"),
        (between(1, 9), "1.0", "'1.0' is no integer from 1 to 9"),
        (between(-5, 9), "-1", "'-1' is no integer from -5 to 9"),
        (seconds, "0.01", "'0.01' is no number of seconds from 0.05 to 60"),
        (seconds, "nan", "'nan' is no number of seconds from 0.05 to 60"),
        (name, "A/B", "a name has 1 to 255 characters that can be printed and no slash"),
        (host, "a b", "'a b' is no host name"),
    ],
)
def test_others_are_refused_in_a_sentence(
    read: Callable[[str], object], text: str, sentence: str
) -> None:
    with pytest.raises(ArgumentTypeError, match=f"^{sentence}"):
        read(text)
