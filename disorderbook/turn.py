"""Who may touch the exchange, and what happens when they are done or are interrupted."""

import threading
from collections.abc import Callable
from types import TracebackType


class Turn:
    """A lock that does something before it is left, whether or not what it was taken for failed.
    """

    def __init__(self, finish: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._finish = finish

    def locked(self) -> bool:
        """Whether anybody has it now."""
        return self._lock.locked()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._finish()
        finally:
            self._lock.release()


class WholeChange:
    """What is begun within it is finished, or else something else is done.

    A signal may end anything anywhere, and leave a book that contradicts itself.
    """

    __slots__ = ("_abandon",)

    def __init__(self, abandon: Callable[[], None]) -> None:
        self._abandon = abandon

    def __enter__(self) -> None:
        """Nothing has changed yet."""

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._abandon()
