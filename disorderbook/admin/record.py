"""What the admin has done: in the log, the newest in memory, and in the market's file.

No key is recorded anywhere.
"""

import logging
from collections import deque
from collections.abc import Sequence

from disorderbook.engine.book import OrderBook
from disorderbook.exchange import Exchange
from disorderbook.ledger.base import ACTIONS_SHOWN, Ledger, StoredAction
from disorderbook.process.log import UNLIMITED, quoted

log = logging.getLogger(__name__)


class ActionRecord:
    """The actions of the admin of one exchange, whose lock must be held."""

    name = "actions of the admin"

    def __init__(self, exchange: Exchange, ledger: Ledger) -> None:
        self._exchange, self._ledger = exchange, ledger
        self._newest: deque[StoredAction] = deque(maxlen=ACTIONS_SHOWN)

    def add(
        self,
        action: str,
        venue: str | None = None,
        symbol: str | None = None,
        account: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Record what was just done; raises CannotWrite."""
        done = StoredAction(self._exchange.now(), action, venue, symbol, account, detail)
        self._ledger.record_action(done)
        self._newest.append(done)
        told = [each for each in (venue, symbol, account, detail) if each is not None]
        # At a level that is logged unless somebody wants less.
        log.warning("The admin: %s", quoted(": ".join([action, *told])), extra=UNLIMITED)

    def newest(self) -> Sequence[StoredAction]:
        """The newest ACTIONS_SHOWN, oldest first."""
        return list(self._newest)

    def restore(self, actions: Sequence[StoredAction]) -> None:
        """Have had these."""
        self._newest.clear()
        self._newest.extend(actions)

    def reset(self, book: OrderBook | None) -> None:
        """In a new market nothing was done."""
        if book is None:
            self._newest.clear()

    def save(self) -> object:
        return None

    def load(self, state: None) -> None:
        """What the admin has done stays recorded."""
