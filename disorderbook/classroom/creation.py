"""Makes the folder of a class, and its parts again when something has changed.

The rule: a class that is there is never replaced. All that can be refused is refused before the
folder is made; what then fails takes the folder away again.
"""

import json
import shlex
import shutil
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from disorderbook.accounts import ADMIN_KEY_GROUPS, new_key
from disorderbook.classroom.addresses import free_port, has_ipv6, network_addresses
from disorderbook.classroom.cards import cards_of, cards_page
from disorderbook.classroom.certificate import fingerprint, make_certificate
from disorderbook.classroom.folder import FOLDER_MODE, ClassFolder, write
from disorderbook.classroom.plan import ClassPlan, rules_text
from disorderbook.classroom.proxy import configuration
from disorderbook.process.invocation import command

PLAIN_PORT, TLS_PORT, EXCHANGE_PORT = 8080, 8443, 8000
LOOPBACK = "127.0.0.1"


class NewClass(NamedTuple):
    """What `make` was asked for; None for what it is to choose."""

    names: Sequence[str]
    hosts: Sequence[str] = ()
    port: int | None = None
    exchange_port: int | None = None
    tls: bool = False


def make_class(path: Path, wanted: NewClass) -> ClassPlan:
    """Make the folder; returns its plan. Raises OSError, or ValueError with a sentence."""
    if path.exists() or path.is_symlink():
        raise ValueError(f"{path} is there already, and a class replaces nothing")
    text = _plan_text(path, wanted)
    path.mkdir(mode=FOLDER_MODE, parents=True)
    folder = ClassFolder(path)
    try:
        write(folder.plan_file, text)
        plan = folder.plan()
        write(folder.admin_key_file, new_key(ADMIN_KEY_GROUPS) + "\n")
        folder.nginx.mkdir(mode=FOLDER_MODE)
        if plan.tls:
            make_certificate(plan.hosts, folder.certificate, folder.certificate_key)
        folder.write_bot_accounts(plan.bot_accounts)
        folder.write_accounts({name: new_key() for name in (*wanted.names, *plan.bot_accounts)})
        write_generated(folder, plan)
        write_cards(folder, plan)
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    return plan


def write_generated(folder: ClassFolder, plan: ClassPlan) -> None:
    """Write what follows from the class file: rules, and nginx' configuration. Raises OSError."""
    write(folder.rules_file, rules_text(plan))
    write(folder.nginx_file, configuration(plan, has_ipv6()))


def write_cards(folder: ClassFolder, plan: ClassPlan) -> None:
    """Write the cards of all students; raises OSError or ValueError."""
    write(folder.cards_file, cards_page(cards_of(plan, folder.students(), certified(folder, plan))))


def certified(folder: ClassFolder, plan: ClassPlan) -> str:
    """The fingerprint of the class's certificate, "" without TLS. Raises OSError or ValueError,
    also for a class that has none: TLS may have been turned on in the class file.
    """
    if not plan.tls:
        return ""
    if not folder.certificate.exists():
        again = shlex.join(["class", "cards", str(folder.path)])
        raise ValueError(
            f"With TLS the class needs a certificate, and {folder.certificate} is not there."
            f" Make it, and new cards: {command()} {again}"
        )
    return fingerprint(folder.certificate)


def add_bot_accounts(folder: ClassFolder, plan: ClassPlan) -> None:
    """Give keys to bots of the class file that have none yet. Raises OSError, or ValueError for a
    bot that would trade for a student.
    """
    bots, accounts = folder.bot_accounts(), folder.accounts()
    for name in sorted(plan.bot_accounts - bots):
        if name in accounts:
            raise ValueError(f"{folder.plan_file}: a bot would trade for the student {name!r:.60}")
    new = plan.bot_accounts - accounts.keys()
    if new:
        folder.write_bot_accounts(bots | new)
        folder.write_accounts(accounts | {name: new_key() for name in sorted(new)})


def _plan_text(path: Path, wanted: NewClass) -> str:
    """The class file; raises ValueError if no port is free, or both are one."""
    others = _ports_beside(path)
    port = wanted.port or free_port(TLS_PORT if wanted.tls else PLAIN_PORT, others)
    exchange_port = wanted.exchange_port or free_port(EXCHANGE_PORT, others | {port})
    if port == exchange_port:
        raise ValueError(f"Both ports would be {port}: the exchange's and the one for the others")
    hosts = list(wanted.hosts) or network_addresses() or [LOOPBACK]
    template = (files("disorderbook.classroom") / "default.toml").read_text(encoding="utf-8")
    values = {"PORT": port, "EXCHANGE": exchange_port, "HOSTS": hosts, "TLS": wanted.tls}
    for name, value in values.items():
        template = template.replace(f"= {name}", f"= {json.dumps(value)}", 1)
    return template


def _ports_beside(path: Path) -> set[int]:
    """The ports of classes in the same folder, which may run at the same time."""
    ports: set[int] = set()
    for other in path.absolute().parent.glob("*/class.toml"):
        with suppress(OSError, ValueError):
            table = tomllib.loads(other.read_text(encoding="utf-8"))
            ports |= {table.get("port", 0), table.get("exchange_port", 0)}
    return ports
