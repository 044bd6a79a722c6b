"""An exchange with an admin's key, put together as the command line does it, without a socket."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from controlled_market import Assembled
from wsgi import Answer

from disorderbook.accounts import Accounts, AccountsFile
from disorderbook.assembly import MarketSettings, assemble
from disorderbook.timeline.clock import clock_settings

ADMIN = "/api/v1/admin"
KEY = "the ädmin's key"
PLACE = {"venue": "TESTEX", "symbol": "FOOBAR"}
STUDENTS = {"ANN": "annkey", "BOB": "bobkey"}


class Administered(Assembled):
    """Asks as whoever has the key that is said."""

    def as_admin(self, action: str, fields: object = b"", key: str | None = KEY) -> Answer:
        """An action, or the state where none is named."""
        headers = {} if key is None else keyed(key)
        if not action:
            return self("GET", ADMIN, b"", headers)
        return self("POST", f"{ADMIN}/{action}", fields, headers)

    def status(self) -> object:
        """All that the admin and the public are told, but for how long a countdown still is, and
        what everybody has.
        """
        told = [self.as_admin("").json, self("GET", "/api/v1/notices").json]
        for answer in told:
            answer.get("countdown", {}).pop("seconds", None)
        books = [
            (book.venue, book.symbol, book.next_id, book.bids.depth, book.asks.depth)
            for venue in self.services.exchange.venues()
            for book in self.services.exchange.books(venue)
        ]
        return told, books, dict(self.services.accounts._keys or {})


def keyed(key: str) -> dict[str, str]:
    return {"X-Starfighter-Authorization": key.encode().decode("latin-1")}


@contextmanager
def administered(
    accounts: Path | dict[str, str] | None = None,
    database: Path | None = None,
    clock: str = "stepped",
    max_books: int = 5,
) -> Iterator[Administered]:
    """Without accounts, with those of a file, or with some that are in no file."""
    settings = MarketSettings(
        extra=True,
        max_books=max_books,
        database=None if database is None else str(database),
        clock=clock_settings(clock),
        admin_key=KEY,
    )
    with ExitStack() as own:
        if isinstance(accounts, Path):
            keys = own.enter_context(AccountsFile(str(accounts)))
        else:
            keys = Accounts(accounts)
        yield Administered(own.enter_context(assemble(settings, keys)))


def accounts_file(folder: Path) -> Path:
    """The file of STUDENTS, as somebody has written it by hand."""
    file = folder / "accounts.json"
    file.write_text(json.dumps(STUDENTS, indent=2) + "\n")
    file.chmod(0o640)
    return file
