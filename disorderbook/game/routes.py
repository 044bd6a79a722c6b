"""The game master's routes: its levels, and the instances of them that are in play.

With authentication only an instance's own player may restart, resume or stop it; anybody may see
its state. The application holds the exchange's lock while it calls a handler.
"""

from disorderbook.accounts import Accounts
from disorderbook.errors import NoSuchInstance
from disorderbook.exchange import Exchange
from disorderbook.game.instances import GameMaster, no_such_id
from disorderbook.game.messages import instance_message, levels_message, start_message
from disorderbook.ledger.base import Instance
from disorderbook.protocol import messages
from disorderbook.protocol.route import NUMBER, Answer, Request, Route


class GameRoutes:
    """The handlers of the table ROUTES; each answers with JSON or raises an ExchangeError."""

    def __init__(self, exchange: Exchange, accounts: Accounts, gamemaster: GameMaster) -> None:
        self._exchange = exchange
        self._accounts = accounts
        self._gamemaster = gamemaster

    def levels(self, request: Request) -> Answer:
        return levels_message()

    def start_level(self, request: Request, name: str) -> Answer:
        account = self._accounts.account_of(request.key)
        instance = self._gamemaster.start(account, self._exchange.now())
        return start_message(instance, self._exchange)

    def instance_state(self, request: Request, instance_id: str) -> Answer:
        instance = self._instance(instance_id)
        return instance_message(instance, self._exchange.now())

    def restart_instance(self, request: Request, instance_id: str) -> Answer:
        instance = self._own_instance(request, instance_id)
        account = self._accounts.account_of(request.key)
        self._gamemaster.restart(instance, account, self._exchange.now())
        return start_message(instance, self._exchange)

    def resume_instance(self, request: Request, instance_id: str) -> Answer:
        instance = self._own_instance(request, instance_id)
        return start_message(instance, self._exchange)

    def stop_instance(self, request: Request, instance_id: str) -> Answer:
        self._gamemaster.stop(self._own_instance(request, instance_id))
        return messages.HEARTBEAT

    def _instance(self, instance_id: str) -> Instance:
        """The instance that a URL names; raises NoSuchInstance."""
        if not NUMBER.fullmatch(instance_id):
            raise NoSuchInstance(no_such_id(instance_id))
        return self._gamemaster.instance(int(instance_id))

    def _own_instance(self, request: Request, instance_id: str) -> Instance:
        """The instance that a URL names, for its own player; raises NoSuchInstance, NoKey or
        WrongKey.
        """
        instance = self._instance(instance_id)
        self._accounts.authorize(instance.account, request.key)
        return instance


INSTANCE = "/gm/instances/<instance_id>"

ROUTES: list[Route] = [
    ("GET", "/gm/levels", GameRoutes.levels),
    ("POST", "/gm/levels/<name>", GameRoutes.start_level),
    ("GET", INSTANCE, GameRoutes.instance_state),
    ("POST", f"{INSTANCE}/restart", GameRoutes.restart_instance),
    ("POST", f"{INSTANCE}/resume", GameRoutes.resume_instance),
    ("POST", f"{INSTANCE}/stop", GameRoutes.stop_instance),
    ("POST", f"{INSTANCE}/judge", GameRoutes.instance_state),
]
