"""The folder of a class: which file holds what, and how they are written.

The rule: files are for their owner only (0600, the folder 0700), since most of them hold keys, and
none is replaced by `make`. A file that changes is written anew beside the old one and takes its
place, so that nobody reads half of it.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from disorderbook.accounts import check_keys, read_admin_key, read_keys
from disorderbook.classroom.plan import ClassPlan, read_plan

FILE_MODE, FOLDER_MODE = 0o600, 0o700


class ClassFolder:
    """A class's files; nothing is read or written before it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plan_file = path / "class.toml"
        self.accounts_file = path / "accounts.json"
        self.bots_file = path / "bots.json"  # names of accounts that are no students'
        self.admin_key_file = path / "admin.key"
        self.cards_file = path / "cards.html"
        self.new_card_file = path / "new-card.html"  # of who came late, or has a new key
        self.rules_file = path / "rules.toml"
        self.market_file = path / "market.db"
        self.ports_file = path / "ports.json"
        self.rounds_file = path / "rounds.json"
        self.lock_file = path / "rounds.lock"
        self.logs = path / "logs"
        self.results = path / "results"
        self.nginx = path / "nginx"
        self.nginx_file = self.nginx / "nginx.conf"
        self.certificate = self.nginx / "class.pem"
        self.certificate_key = self.nginx / "class.key"

    def plan(self) -> ClassPlan:
        """Raises OSError or ValueError."""
        return read_plan(self.plan_file)

    def accounts(self) -> dict[str, str]:
        """All names and keys; raises OSError or ValueError."""
        return read_keys(str(self.accounts_file))

    def students(self) -> dict[str, str]:
        """The names and keys of those who are no bots; raises OSError or ValueError."""
        bots = self.bot_accounts()
        return {name: key for name, key in self.accounts().items() if name not in bots}

    def bot_accounts(self) -> set[str]:
        """Raises OSError or ValueError."""
        names = json.loads(self.bots_file.read_bytes())
        if not isinstance(names, list):
            raise ValueError(f"{self.bots_file} holds no list of names")
        return {str(name) for name in names}

    def admin_key(self) -> str:
        """Raises OSError or ValueError."""
        return read_admin_key(str(self.admin_key_file))

    def write_accounts(self, accounts: Mapping[str, str]) -> None:
        """Raises OSError, or ValueError if an exchange could not use them."""
        check_keys(str(self.accounts_file), dict(accounts))
        write(self.accounts_file, json.dumps(dict(accounts), indent=4, ensure_ascii=False) + "\n")

    def write_bot_accounts(self, names: set[str]) -> None:
        write(self.bots_file, json.dumps(sorted(names)) + "\n")


def write(path: Path, text: str) -> None:
    """Have a file hold this, for its owner only; raises OSError."""
    with _replaced(path) as descriptor, open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)


@contextmanager
def _replaced(path: Path) -> Iterator[int]:
    """A new file's descriptor; the file is at `path` once the block has ended well."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    try:
        yield descriptor
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
