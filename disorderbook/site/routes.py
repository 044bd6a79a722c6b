"""Routes of the pages for people, and of what they are made of."""

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from importlib.resources import files

from disorderbook.accounts import Accounts
from disorderbook.errors import NoSuchFile, NoSuchInstance
from disorderbook.exchange import Exchange
from disorderbook.protocol.names import JSON, detail_of
from disorderbook.protocol.route import HTML, Answer, Document, Request, Route
from disorderbook.site.description import description_text
from disorderbook.site.documentation import PAGES_KEPT, docs_page
from disorderbook.site.examples import Setup, rows_of
from disorderbook.site.frame import framed
from disorderbook.site.lessons import learn_page
from disorderbook.site.story import markdown, stories

# A browser asks again each time, so that it never has the page of one version with the script of
# another; what it gets is small and comes from this machine.
FILE_HEADERS = (("Cache-Control", "no-cache"), ("X-Content-Type-Options", "nosniff"))
KINDS = {"js": "text/javascript; charset=UTF-8", "css": "text/css; charset=UTF-8"}
INSTANCE_ID = re.compile(r"[1-9][0-9]{0,17}")


class SiteRoutes:
    """Serves the pages, their scripts and styles, and the OpenAPI description.

    `extra` says whether the orders of an account may be listed, `is_stepped` whether the clock
    moves when asked; `tape_port` is the port of the websockets, None where there are none. With
    `has_control` the pages lead to the one of CONTROL_PAGE, and the routes of control are
    described; with `has_admin_key` those need a key, and the pages lead to ADMIN_PAGE. Only `docs`
    reads the exchange, whose lock must be held.
    """

    def __init__(
        self,
        exchange: Exchange,
        accounts: Accounts,
        extra: bool,
        tape_port: int | None,
        is_stepped: bool = False,
        has_control: bool = False,
        has_admin_key: bool = False,
    ) -> None:
        self._exchange = exchange
        self._accounts = accounts
        self._extra = extra
        self._tape_port = tape_port
        self._is_stepped = is_stepped
        self._has_control = has_control
        self._has_admin_key = has_admin_key

    def front_page(self, request: Request) -> Answer:
        return self._page("front")

    def levels(self, request: Request) -> Answer:
        return self._page("levels")

    def instance(self, request: Request, instance_id: str) -> Answer:
        """The page of any instance: its script asks for what its player alone may see. Raises
        NoSuchInstance for what cannot be an id.
        """
        if not INSTANCE_ID.fullmatch(instance_id):
            raise NoSuchInstance(detail_of("the instance's id", instance_id, "a number from 1"))
        return self._page("instance")

    def account(self, request: Request, account: str) -> Answer:
        """The page of any account, as `instance` is that of any instance."""
        return self._page("account")

    def scores(self, request: Request) -> Answer:
        """The scores for a projector: of which venue or stock, its script reads in the URL."""
        return self._page("scores")

    def venues(self, request: Request) -> Answer:
        return self._page("venues")

    def venue(self, request: Request, venue: str) -> Answer:
        """The page of any venue, as `instance` is that of any instance."""
        return self._page("venue")

    def control(self, request: Request) -> Answer:
        """What it shows and does is for the admin; the page itself tells nothing."""
        return self._page("control")

    def admin(self, request: Request) -> Answer:
        """As `control`; without the key its script asks for nothing."""
        return self._page("admin")

    def part(self, request: Request, file: str) -> Answer:
        """What the pages are made of; raises NoSuchFile."""
        kind = KINDS.get(file.rpartition(".")[2])
        content = _parts().get(file)
        if kind is None or content is None:
            raise NoSuchFile(detail_of("the path", request.path, "one of those in /docs"))
        return Document(content, kind, headers=FILE_HEADERS)

    def welcome(self, request: Request) -> Answer:
        return self._page("interface")

    def openapi(self, request: Request) -> Answer:
        return Document(description_text(self._has_control, self._has_admin_key), JSON)

    def documentation(self, request: Request) -> Answer:
        """The documentation with the first book in its examples."""
        return _text(docs_page, request.host, self._setup(), _page_headers(self._tape_port))

    def learn(self, request: Request) -> Answer:
        """The experiments at the first venue."""
        return _text(learn_page, request.host, self._setup(), _page_headers(self._tape_port))

    def _setup(self) -> Setup:
        first = next(self._exchange.books(next(self._exchange.venues())))
        return Setup(
            first.venue,
            first.symbol,
            self._accounts.need_keys,
            self._extra,
            self._tape_port,
            self._is_stepped,
            self._has_control,
            self._has_admin_key,
            self._exchange.is_stored,
            rows_of(self._exchange.rules),
        )

    def _page(self, name: str) -> Answer:
        content = _page(name, self._has_control, self._has_admin_key, self._is_stepped)
        return Document(content, HTML, headers=_page_headers(self._tape_port))


@lru_cache(maxsize=2 * PAGES_KEPT)
def _text(
    make: Callable[[str, Setup], str],
    host: str,
    setup: Setup,
    headers: tuple[tuple[str, str], ...],
) -> Document:
    """One for all who ask, so that those who never read it share its bytes."""
    return Document(make(host, setup).encode(), HTML, headers=headers)


@cache
def _page_headers(tape_port: int | None) -> tuple[tuple[str, str], ...]:
    """Names in the market are anybody's: nothing on the page may run or load but what is ours."""
    tape = "".join(f" ws://{host}:{tape_port}" for host in ("127.0.0.1", "localhost") if tape_port)
    policy = (
        f"default-src 'self'; connect-src 'self'{tape}; img-src 'self' data:; object-src 'none'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return (
        *FILE_HEADERS,
        ("Content-Security-Policy", policy),
        ("Referrer-Policy", "no-referrer"),
    )


@cache
def _page(name: str, has_control: bool, has_admin_key: bool, is_stepped: bool) -> bytes:
    """The page that a template makes within the frame of all pages."""
    text = framed(
        name,
        has_control=has_control,
        has_admin_key=has_admin_key,
        is_stepped=is_stepped,
        stories=stories,
        markdown=markdown,
    )
    return text.encode()


@cache
def _parts() -> Mapping[str, bytes]:
    """Scripts and styles by name."""
    folder = files("disorderbook.site") / "static"
    return {file.name: file.read_bytes() for file in folder.iterdir()}


ROUTES: list[Route] = [
    ("GET", "/", SiteRoutes.front_page),
    ("GET", "/levels", SiteRoutes.levels),
    ("GET", "/levels/<instance_id>", SiteRoutes.instance),
    ("GET", "/accounts/<account>", SiteRoutes.account),
    ("GET", "/scores", SiteRoutes.scores),
    ("GET", "/venues", SiteRoutes.venues),
    ("GET", "/venues/<venue>", SiteRoutes.venue),
    ("GET", "/docs", SiteRoutes.documentation),
    ("GET", "/learn", SiteRoutes.learn),
    ("GET", "/openapi.json", SiteRoutes.openapi),
    ("GET", "/ob/api", SiteRoutes.welcome),
]

PARTS: list[Route] = [("GET", "/static/<file>", SiteRoutes.part)]
"""What the pages are made of: no program's business, so that no description names it."""

CONTROL_PAGE: list[Route] = [("GET", "/control", SiteRoutes.control)]
"""Served with the routes of control alone."""

ADMIN_PAGE: list[Route] = [("GET", "/admin", SiteRoutes.admin)]
"""Served with the routes of the admin alone."""
