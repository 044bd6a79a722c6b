"""What goes wrong in many bots at once, said without flooding the terminal."""

import re
import sys
import threading
import time
from dataclasses import dataclass

OFTEN = 3  # times that a sentence is said in any case
SILENCE = 10.0  # seconds before it is said again after that
MOST_KINDS = 1000  # of sentences that are remembered


@dataclass
class _Kind:
    times: int = 0
    said_at: float = 0.0  # monotonic seconds


class Complaints:
    """Prints sentences on stderr. What differs in numbers alone is the same sentence."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}
        self._lock = threading.Lock()

    def __call__(self, sentence: str) -> None:
        if self._is_news(re.sub(r"\d+", "#", sentence)):
            sys.stderr.write(sentence + "\n")

    def _is_news(self, wording: str) -> bool:
        with self._lock:
            if len(self._kinds) >= MOST_KINDS:
                self._kinds.clear()
            kind = self._kinds.setdefault(wording, _Kind())
            kind.times += 1
            now = time.monotonic()
            if kind.times > OFTEN and now < kind.said_at + SILENCE:
                return False
            kind.said_at = now
            return True
