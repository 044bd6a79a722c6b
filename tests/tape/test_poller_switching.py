"""The turns of Python's threads while there are tapes."""

import sys
from contextlib import ExitStack

import pytest

from disorderbook.tape.poller import SWITCH_SECONDS, short_switch_interval


def test_the_last_one_that_ends_leaves_the_turns_as_the_first_found_them() -> None:
    before = sys.getswitchinterval()
    first, second = ExitStack(), ExitStack()
    first.enter_context(short_switch_interval())
    second.enter_context(short_switch_interval())
    first.close()
    assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS)
    second.close()
    assert sys.getswitchinterval() == before
