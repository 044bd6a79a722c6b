"""Another machine of a network, as far as this one can tell: a network namespace of Linux, with a
cable to this one.

Where that is not permitted, the other machine is this one by another of its loopback addresses. The
namespace is gone at the end, with all that the cable needed.
"""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

IP = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
LOOPBACK = "127.0.0.2"  # every address of 127.0.0.0/8 is this machine's, on Linux

_numbers = itertools.count()


class OtherMachine(NamedTuple):
    """How a command runs there; `here` is this machine's address as it sees it, `there` its own."""

    prefix: tuple[str, ...]
    here: str
    there: str


@contextmanager
def other_machine() -> Iterator[OtherMachine]:
    """A namespace while the block runs, or this machine's other address."""
    number = next(_numbers)  # a cable goes a moment later than its namespace, and keeps its name
    name, part = f"c{number}x{os.getpid()}", (os.getpid() * 7 + number) % 250
    here, there = f"10.213.{part}.1", f"10.213.{part}.2"
    steps = (
        f"netns add {name}",
        f"link add a{name} type veth peer name b{name} netns {name}",
        f"address add {here}/24 dev a{name}",
        f"link set a{name} up",
        f"-n {name} address add {there}/24 dev b{name}",
        f"-n {name} link set b{name} up",
    )
    try:
        is_made = IP is not None and all(_is_done(step) for step in steps)
        if is_made:
            yield OtherMachine((str(IP), "netns", "exec", name), here, there)
        else:
            yield OtherMachine((), LOOPBACK, "127.0.0.1")
    finally:
        if IP is not None:
            _is_done(f"netns delete {name}")  # and the cable with it


def _is_done(step: str) -> bool:
    assert IP is not None
    return subprocess.run([IP, *step.split()], capture_output=True, check=False).returncode == 0
