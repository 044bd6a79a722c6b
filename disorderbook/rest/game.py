"""The game master's routes: its levels, and the instances of them that were started."""

from collections.abc import Callable

from disorderbook import messages
from disorderbook.errors import NoSuchInstance
from disorderbook.gamemaster import Instance, no_such_id
from disorderbook.rest.house import NUMBER, Answer, House, Request


def levels(house: House, request: Request) -> Answer:
    return messages.levels_message()


def start_level(house: House, request: Request, name: str) -> Answer:
    account = house.accounts.account_of(request.key)
    instance = house.gamemaster.start(account, house.exchange.now())
    return messages.start_message(instance, house.exchange)


def instance_state(house: House, request: Request, instance_id: str) -> Answer:
    instance = _instance(house, instance_id)
    return messages.instance_message(instance, house.exchange.now())


def restart_instance(house: House, request: Request, instance_id: str) -> Answer:
    instance = _own_instance(house, request, instance_id)
    account = house.accounts.account_of(request.key)
    house.gamemaster.restart(instance, account, house.exchange.now())
    return messages.start_message(instance, house.exchange)


def resume_instance(house: House, request: Request, instance_id: str) -> Answer:
    instance = _own_instance(house, request, instance_id)
    return messages.start_message(instance, house.exchange)


def stop_instance(house: House, request: Request, instance_id: str) -> Answer:
    house.gamemaster.stop(_own_instance(house, request, instance_id))
    return messages.HEARTBEAT


INSTANCE = "/gm/instances/<instance_id>"

ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("GET", "/gm/levels", levels),
    ("POST", "/gm/levels/<name>", start_level),
    ("GET", INSTANCE, instance_state),
    ("POST", f"{INSTANCE}/restart", restart_instance),
    ("POST", f"{INSTANCE}/resume", resume_instance),
    ("POST", f"{INSTANCE}/stop", stop_instance),
    ("POST", f"{INSTANCE}/judge", instance_state),
]


def _instance(house: House, instance_id: str) -> Instance:
    """The instance that a URL names; raises NoSuchInstance."""
    if not NUMBER.fullmatch(instance_id):
        raise NoSuchInstance(no_such_id(instance_id))
    return house.gamemaster.instance(int(instance_id))


def _own_instance(house: House, request: Request, instance_id: str) -> Instance:
    """The same, if its player asks; raises NoSuchInstance or Unauthorized."""
    instance = _instance(house, instance_id)
    house.accounts.authorize(instance.account, request.key)
    return instance
