"""The game master: instances of the game's levels, as far as clients ask for them.

Nothing trades in a level yet: a started level names an account and the exchange's venues, and its
instance counts trading days. Used inside the exchange's turn.
"""

import secrets
import string
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable

from disorderbook.errors import NoSuchInstance
from disorderbook.ledger.base import (
    Instance,
)
from disorderbook.protocol.names import detail_of

LEVELS = (
    "first_steps",
    "chock_a_block",
    "sell_side",
    "dueling_bulldozers",
    "irrational_exuberance",
    "making_amends",
)


MAX_INSTANCES = 1000  # one is forgotten when one more starts


ACCOUNT_LENGTH = 10


Record = Callable[[int, "Instance | None"], None]
"""Told, before it happens, the id of each instance that starts, changes (the instance as it will
be) or ends (None); may raise to prevent it.
"""


def record_nowhere(instance_id: int, instance: Instance | None) -> None:
    """For a game master whose instances end with the process."""


class GameMaster:
    """The instances that have been started and not stopped, at most MAX_INSTANCES.

    It begins with `kept` ones, oldest first, after `last_id` was the highest id given so far.
    """

    def __init__(
        self,
        record: Record = record_nowhere,
        kept: Iterable[Instance] = (),
        last_id: int = 0,
    ) -> None:
        self._record = record
        self._instances = OrderedDict((instance.id, instance) for instance in kept)
        self._next_id = last_id + 1

    def start(self, account: str | None, now: int) -> Instance:
        """A new instance, for a new account unless one is given. Where there is no room for it, the
        player's own oldest is forgotten; one who has none takes the place of the oldest of those
        who have most, so that nobody can push out others by starting many.
        """
        if len(self._instances) >= MAX_INSTANCES:
            self.stop(self._to_forget(account))
        instance = Instance(self._next_id, account or random_account(), now)
        self._record(instance.id, instance)
        self._instances[instance.id] = instance
        self._next_id += 1
        return instance

    def instance(self, instance_id: int) -> Instance:
        """A started instance; raises NoSuchInstance."""
        if instance_id not in self._instances:
            raise NoSuchInstance(no_such_id(instance_id))
        return self._instances[instance_id]

    def restart(self, instance: Instance, account: str | None, now: int) -> None:
        """Begin again at day 0, with a new account unless one is given."""
        again = Instance(instance.id, account or random_account(), now)
        self._record(instance.id, again)
        instance.account, instance.started_at = again.account, again.started_at

    def stop(self, instance: Instance) -> None:
        """Forget an instance that has been started and not stopped."""
        self._record(instance.id, None)
        del self._instances[instance.id]

    def _to_forget(self, account: str | None) -> Instance:
        """Which instance makes room for one of this account."""
        counts = Counter(instance.account for instance in self._instances.values())
        most = max(counts.values())
        owners = {account} if account in counts else {a for a in counts if counts[a] == most}
        return next(each for each in self._instances.values() if each.account in owners)


def no_such_id(instance_id: object) -> str:
    """The detail of NoSuchInstance."""
    return detail_of("the instance's id", instance_id, "that of an instance in play")


def random_account() -> str:
    """Ten random capitals and digits, as the game named its players' accounts."""
    alphabet = string.ascii_uppercase + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(ACCOUNT_LENGTH))
