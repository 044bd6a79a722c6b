"""The turns of Python's threads while there are tapes."""

import sys
from contextlib import ExitStack

import pytest

from disorderbook.tape.poller import SWITCH_SECONDS, quick_switches


def test_the_last_one_that_ends_leaves_the_turns_as_the_first_found_them() -> None:
    before = sys.getswitchinterval()
    first, second = ExitStack(), ExitStack()
    first.enter_context(quick_switches())
    second.enter_context(quick_switches())
    first.close()
    assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS)
    second.close()
    assert sys.getswitchinterval() == before
