"""Has a market's tables follow, whether or not more orders come."""

import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from disorderbook.errors import Unavailable
from disorderbook.threads import join

SETTLE_SECONDS = 0.5  # so the tables are never further behind


class Upkeep:
    """Calls `settle` twice a second in a thread of its own, within a `with` block."""

    def __init__(self, settle: Callable[[], None]) -> None:
        self._settle = settle
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_over.set()
        join(self._thread)

    def _run(self) -> None:
        while not self._is_over.wait(SETTLE_SECONDS):
            with suppress(Unavailable):  # the ledger has logged it, and refuses from now on
                self._settle()
