"""The game master: starts, restarts and stops instances of the game's levels.

Nothing trades in a level yet: an instance names an account and counts trading days. The exchange's
lock must be held for everything here, since the ledger commits an instance with the market.
"""

import secrets
import string
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable

from disorderbook.errors import NoSuchInstance
from disorderbook.ledger.base import Instance
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
ACCOUNT_LENGTH = 10  # characters

Record = Callable[[int, Instance | None], None]
"""Is called before an instance starts or changes, with its id and the instance as it will be, and
before it ends, with its id and None. What it raises prevents the change.
"""


def record_nowhere(instance_id: int, instance: Instance | None) -> None:
    """The Record of a game master whose instances end with the process."""


class GameMaster:
    """The instances in play, which were started and not stopped: at most MAX_INSTANCES.

    `restored` are those of an earlier run, oldest first; `last_id` is the highest id ever given.
    """

    def __init__(
        self,
        record: Record = record_nowhere,
        restored: Iterable[Instance] = (),
        last_id: int = 0,
    ) -> None:
        self._record = record
        self._instances = OrderedDict((instance.id, instance) for instance in restored)
        self._next_id = last_id + 1

    def start(self, account: str | None, now: int) -> Instance:
        """A new instance at `now` (nanoseconds since 1970), for a random account if None is given.

        Where there is no room for it, another one is stopped: the oldest of the same account, or
        else the oldest of the accounts that have most. So nobody can push out others by starting
        many.
        """
        if len(self._instances) >= MAX_INSTANCES:
            self.stop(self._to_forget(account))
        instance = Instance(self._next_id, account or random_account(), now)
        self._record(instance.id, instance)
        self._instances[instance.id] = instance
        self._next_id += 1
        return instance

    def instance(self, instance_id: int) -> Instance:
        """An instance in play; raises NoSuchInstance."""
        if instance_id not in self._instances:
            raise NoSuchInstance(no_such_id(instance_id))
        return self._instances[instance_id]

    def restart(self, instance: Instance, account: str | None, now: int) -> None:
        """Begin again at day 0, at `now` (nanoseconds), with a random account if None is given."""
        again = Instance(instance.id, account or random_account(), now)
        self._record(instance.id, again)
        instance.account, instance.started_at = again.account, again.started_at

    def stop(self, instance: Instance) -> None:
        """End and forget an instance in play."""
        self._record(instance.id, None)
        del self._instances[instance.id]

    def _to_forget(self, account: str | None) -> Instance:
        """The instance that makes room for one of this account."""
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
