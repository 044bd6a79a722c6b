"""What the application serves: the parts of an exchange, and the features with their routes.

A feature is a class whose methods are handlers, and a table of (method, path, function).
"""

from dataclasses import dataclass, field
from functools import cached_property

from disorderbook.accounts import Accounts, Admin
from disorderbook.admin import routes as admin
from disorderbook.admin.actions import AdminActions
from disorderbook.admin.notices import Notices
from disorderbook.api import metrics as metric_routes
from disorderbook.api import trading
from disorderbook.api.metrics import Metrics
from disorderbook.control.control import MarketControl
from disorderbook.control.fault_injection import FaultInjection
from disorderbook.control.fault_routes import FAULT_ROUTES, FaultRoutes
from disorderbook.control.journal import RequestJournal
from disorderbook.control.journal_routes import JOURNAL_ROUTES, JournalRoutes
from disorderbook.control.replay import Replay
from disorderbook.control.routes import CONTROL_ROUTES, ControlRoutes
from disorderbook.exchange import Exchange
from disorderbook.game import routes as game
from disorderbook.game.master import GameMaster
from disorderbook.ledger.base import Ledger
from disorderbook.marketdata import account_routes as account
from disorderbook.marketdata import executions
from disorderbook.marketdata import routes as marketdata
from disorderbook.marketdata.history import History
from disorderbook.marketdata.scoreboard import Scoreboard
from disorderbook.protocol.route import Route
from disorderbook.server.origin import OriginPolicy
from disorderbook.site import routes as site
from disorderbook.timeline import routes as clock_routes
from disorderbook.timeline.timeline import Timeline

ROUTES: list[Route] = [
    *site.ROUTES,
    *site.PARTS,
    *marketdata.ROUTES,
    *account.ROUTES,
    *executions.ROUTES,
    *trading.ROUTES,
    *game.ROUTES,
    *clock_routes.ROUTES,
    *admin.ROUTES,
    *metric_routes.ROUTES,
]


@dataclass(frozen=True)
class Services:
    """The parts of one exchange. `extra` allows listing an account's orders; `tape_port` takes
    websockets, and is None where there are none; so is `journal`, unless requests are recorded, and
    `replay`, unless a market is given again. With `has_control` there are routes to `control`.
    Where keys are needed, that and moving the clock needs the `admin_key`. With such a key there
    are the routes of the `admin_actions`.
    """

    exchange: Exchange
    accounts: Accounts
    gamemaster: GameMaster
    timeline: Timeline
    extra: bool
    history: History
    tape_port: int | None = None
    metrics: Metrics = field(default_factory=Metrics)
    origins: OriginPolicy = field(default_factory=OriginPolicy)
    journal: RequestJournal | None = None
    replay: Replay | None = None
    control: MarketControl | None = None
    injection: FaultInjection | None = None
    has_control: bool = False
    admin_key: str | None = None
    admin_actions: AdminActions | None = None
    scores: Scoreboard | None = None  # None: one that marks stocks at their last prices

    @cached_property
    def scoreboard(self) -> Scoreboard:
        """What stocks count for, and how accounts stand."""
        return self.scores or Scoreboard(self.exchange, self.history)

    @property
    def admin(self) -> Admin:
        """Who may control the market, and move its clock."""
        return Admin(self.accounts, self.admin_key)

    def features(self) -> list[tuple[object, list[Route]]]:
        """Every feature with its table; all tables together are ROUTES, in the same order, behind
        those that are there only if they were asked for. To be called once: what the features have
        is registered.
        """
        exchange, accounts, tape_port = self.exchange, self.accounts, self.tape_port
        market_data = marketdata.MarketDataRoutes(
            exchange, accounts, self.history, tape_port, self.scoreboard, self.admin
        )
        account_data = account.AccountRoutes(
            exchange, accounts, self.history, self.scoreboard.marks
        )
        orders = trading.TradingRoutes(exchange, accounts, self.extra)
        is_stepped = self.timeline.clock.is_stepped
        pages = site.SiteRoutes(
            exchange,
            accounts,
            self.extra,
            tape_port,
            is_stepped,
            self.has_control,
            self.admin_key is not None,
        )
        control: list[tuple[object, list[Route]]] = []
        if self.control is not None:
            self.control.register(account_data.histories, orders.placed)
            if self.has_control and self.injection is not None:
                control = [
                    (ControlRoutes(self.control, self.injection), CONTROL_ROUTES),
                    (FaultRoutes(self.injection), FAULT_ROUTES),
                    (pages, site.CONTROL_PAGE),
                ]
                if self.journal is not None:
                    control.append((JournalRoutes(exchange, self.journal), JOURNAL_ROUTES))
        notices = Notices(exchange, Ledger())
        if self.admin_actions is not None:
            notices = self.admin_actions.notices
            if self.admin_key is not None:
                routes = admin.AdminRoutes(exchange, accounts, self.admin_actions)
                control += [(routes, admin.ADMIN_ROUTES), (pages, site.ADMIN_PAGE)]
        return [
            *control,
            (pages, site.ROUTES),
            (pages, site.PARTS),
            (market_data, marketdata.ROUTES),
            (account_data, account.ROUTES),
            (executions.ExecutionRoutes(exchange, accounts, self.history), executions.ROUTES),
            (orders, trading.ROUTES),
            (game.GameRoutes(exchange, accounts, self.gamemaster), game.ROUTES),
            (clock_routes.ClockRoutes(exchange, self.admin, self.timeline), clock_routes.ROUTES),
            (admin.NoticeRoutes(exchange, notices), admin.ROUTES),
            (metric_routes.MetricsRoutes(exchange, self.metrics), metric_routes.ROUTES),
        ]
