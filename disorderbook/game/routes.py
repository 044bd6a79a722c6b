"""The routes of the levels: those of the protocol's game master, and below /api/v1 what the page of
the levels asks for.

An instance is shown to its player alone, and only he may change it. What starts one is answered
later, once day 0 has been traded: many programs fail where nothing has traded yet. The
application holds the exchange's lock while it calls a handler.
"""

from collections.abc import Callable
from concurrent.futures import Future
from itertools import islice

from disorderbook.accounts import Accounts
from disorderbook.errors import (
    BadJson,
    IllegalValue,
    NeedsTape,
    NoSuchInstance,
    Unauthorized,
    WrongKey,
    WrongType,
)
from disorderbook.exchange import Exchange
from disorderbook.game import messages as game
from disorderbook.game.chance import MAX_SEED
from disorderbook.game.instance import LevelInstance
from disorderbook.game.master import GameMaster, no_such_id
from disorderbook.game.results import MOST_RESULTS
from disorderbook.protocol import messages
from disorderbook.protocol.names import detail_of
from disorderbook.protocol.parse import account_name, parse_object, parse_post
from disorderbook.protocol.route import NUMBER, Answer, Request, Route, made_in_steps

OWN_RULE = (
    "the instance is another player's; allowed: the key that started it, or none if it was started"
    " without one"
)
SEED_RULE = f"a whole number from 0 to {MAX_SEED}, or none for any seed"


class GameRoutes:
    """The handlers of the table ROUTES; each answers with JSON or raises an ExchangeError."""

    def __init__(self, exchange: Exchange, accounts: Accounts, gamemaster: GameMaster) -> None:
        self._exchange = exchange
        self._accounts = accounts
        self._master = gamemaster

    # ---- the protocol's

    def levels(self, request: Request) -> Answer:
        return game.levels_message()

    def open_instances(self, request: Request) -> Answer:
        player = self._accounts.player_of(request.key)
        return game.open_instances_message(self._master.current(player))

    def start_level(self, request: Request, name: str) -> Answer:
        player, seed = self._accounts.player_of(request.key), _seed(request.body)
        return self._started(self._master.start(player, name, seed))

    def instance_state(self, request: Request, instance_id: str) -> Answer:
        instance = self._own_instance(request, instance_id)
        return game.instance_message(instance, self._exchange.read_clock())

    def restart_instance(self, request: Request, instance_id: str) -> Answer:
        instance, seed = self._own_instance(request, instance_id), _seed(request.body)
        self._master.restart(instance, seed)
        return self._started(instance, restarted=True)

    def resume_instance(self, request: Request, instance_id: str) -> Answer:
        return self._started(self._own_instance(request, instance_id))

    def stop_instance(self, request: Request, instance_id: str) -> Answer:
        self._master.stop(self._own_instance(request, instance_id))
        return messages.HEARTBEAT

    def judge_instance(self, request: Request, instance_id: str) -> Answer:
        instance = self._own_instance(request, instance_id)
        self._master.require_accusations(instance)
        if instance.is_open:
            self._master.judge(instance, account_name(parse_post(request.body)))
        return game.instance_message(instance, self._exchange.read_clock())

    # ---- the page's

    def level_cards(self, request: Request) -> Answer:
        """Who sends no valid key is shown the levels, and nothing of his own."""
        try:
            player = self._accounts.player_of(request.key)
        except Unauthorized:
            player = None
        unavailable = "" if self._master.has_tape else NeedsTape.sentence
        instances = [] if player is None else self._master.current(player)
        return game.level_cards_message(instances, player, self._master.results, unavailable)

    def played_level(self, request: Request, instance_id: str) -> Answer:
        return self._page(self._own_instance(request, instance_id))

    def pause(self, request: Request, instance_id: str) -> Answer:
        return self._change(request, instance_id, self._master.pause)

    def go_on(self, request: Request, instance_id: str) -> Answer:
        return self._change(request, instance_id, self._master.go_on)

    def advance(self, request: Request, instance_id: str) -> Answer:
        return self._change(request, instance_id, self._master.advance)

    def fills(self, request: Request, instance_id: str) -> Answer:
        since = request.number("since", 0)
        steps = game.fills_message(self._own_instance(request, instance_id), since)
        return made_in_steps(steps, self._exchange.lock)

    def results(self, request: Request) -> Answer:
        most = request.number("limit", MOST_RESULTS, MOST_RESULTS)
        steps = game.results_message(islice(self._master.results, most))
        return made_in_steps(steps, self._exchange.lock)

    # ---- inside

    def _started(self, instance: LevelInstance, restarted: bool = False) -> Answer:
        """The answer to a start, once day 0 has been traded."""
        seconds = self._master.settings.day_seconds
        answer: Future[Answer] = Future()

        def tell(opened: Future[None]) -> None:  # the lock is held where this is called
            refusal = opened.exception()
            if refusal is None:
                answer.set_result(game.start_message(instance, seconds, restarted))
            else:
                answer.set_exception(refusal)

        self._master.opened(instance).add_done_callback(tell)
        return answer

    def _change(
        self, request: Request, instance_id: str, change: Callable[[LevelInstance], None]
    ) -> Answer:
        instance = self._own_instance(request, instance_id)
        change(instance)
        return self._page(instance)

    def _page(self, instance: LevelInstance) -> Answer:
        seconds = self._master.settings.day_seconds
        return game.played_level_message(instance, self._exchange.read_clock(), seconds)

    def _own_instance(self, request: Request, instance_id: str) -> LevelInstance:
        """The instance that a URL names, for its own player; raises NoSuchInstance, NoKey or
        WrongKey.
        """
        if not NUMBER.fullmatch(instance_id):
            raise NoSuchInstance(no_such_id(instance_id))
        instance = self._master.instance(int(instance_id))
        if instance.player != self._accounts.player_of(request.key):
            raise WrongKey(OWN_RULE)
        return instance


def _seed(body: bytes) -> int | None:
    """The seed that a body chooses, if it is a JSON object with one; programs send here whatever
    they like. Raises WrongType, IllegalValue.
    """
    try:
        fields = parse_object(body)
    except (BadJson, WrongType):
        return None
    if "seed" not in fields:
        return None
    seed = fields["seed"]
    if isinstance(seed, float) and seed.is_integer():
        seed = int(seed)
    if type(seed) is not int:
        raise WrongType(detail_of("seed", seed, SEED_RULE))
    if not 0 <= seed <= MAX_SEED:
        raise IllegalValue(detail_of("seed", seed, SEED_RULE))
    return seed


INSTANCE = "/gm/instances/<instance_id>"
PLAYED = "/api/v1/instances/<instance_id>"

ROUTES: list[Route] = [
    ("GET", "/gm/levels", GameRoutes.levels),
    ("POST", "/gm/levels/<name>", GameRoutes.start_level),
    ("GET", INSTANCE, GameRoutes.instance_state),
    ("POST", f"{INSTANCE}/restart", GameRoutes.restart_instance),
    ("POST", f"{INSTANCE}/resume", GameRoutes.resume_instance),
    ("POST", f"{INSTANCE}/stop", GameRoutes.stop_instance),
    ("POST", f"{INSTANCE}/judge", GameRoutes.judge_instance),
    ("GET", "/ui/levels", GameRoutes.open_instances),
    ("GET", "/api/v1/levels", GameRoutes.level_cards),
    ("GET", "/api/v1/results", GameRoutes.results),
    ("GET", PLAYED, GameRoutes.played_level),
    ("GET", f"{PLAYED}/fills", GameRoutes.fills),
    ("POST", f"{PLAYED}/pause", GameRoutes.pause),
    ("POST", f"{PLAYED}/run", GameRoutes.go_on),
    ("POST", f"{PLAYED}/advance", GameRoutes.advance),
]
