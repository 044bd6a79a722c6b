"""Reports of what goes wrong in many bots at once, limited so that they do not flood a terminal."""

import re
import sys
import threading
import time
from dataclasses import dataclass

FREE_REPEATS = 3  # times that a sentence is printed in any case
INTERVAL = 10.0  # seconds before it is printed again after that
MAX_KINDS = 1000  # of sentences that are remembered


@dataclass
class _Kind:
    times: int = 0
    printed_at: float = 0.0  # monotonic seconds


class Complaints:
    """Prints sentences on stderr. Sentences that differ in numbers alone are of one kind."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}
        self._lock = threading.Lock()

    def __call__(self, sentence: str) -> None:
        if self._is_due(re.sub(r"\d+", "#", sentence)):
            complain(sentence)

    def _is_due(self, wording: str) -> bool:
        with self._lock:
            if len(self._kinds) >= MAX_KINDS:
                self._kinds.clear()
            kind = self._kinds.setdefault(wording, _Kind())
            kind.times += 1
            now = time.monotonic()
            if kind.times > FREE_REPEATS and now < kind.printed_at + INTERVAL:
                return False
            kind.printed_at = now
            return True


def complain(sentence: str) -> None:
    """Print a sentence on stderr in one write, so that the lines of threads do not mix."""
    sys.stderr.write(sentence + "\n")
