"""What changes in a class that is there: a late student, a lost key, another address, the end.

The rule: while the class runs, its exchange changes the accounts, so that a key counts from that
moment; otherwise the file is changed. Cards are made anew each time.
"""

import io
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from disorderbook.accounts import new_key
from disorderbook.classroom.cards import address_on, cards_of, cards_page
from disorderbook.classroom.certificate import make_certificate
from disorderbook.classroom.connection import AdminConnection
from disorderbook.classroom.creation import certified, write_cards
from disorderbook.classroom.folder import FOLDER_MODE, ClassFolder, write
from disorderbook.classroom.plan import ClassPlan
from disorderbook.classroom.rounds import Rounds, totals
from disorderbook.classroom.students import checked_name
from disorderbook.ledger.copies import export
from disorderbook.process.invocation import command
from disorderbook.protocol.spreadsheet import write_table

TOTALS = "totals.csv"
_HOSTS = re.compile(r"hosts *= *\[[^\]]*\]")


def connection_of(folder: ClassFolder, plan: ClassPlan) -> AdminConnection:
    """To the class's exchange, whether or not it runs. Raises OSError or ValueError."""
    return AdminConnection(plan.exchange_port, folder.admin_key())


def add_student(folder: ClassFolder, text: str) -> str:
    """Give an account and a key to somebody who is late; returns the key. The card is in
    `new-card.html`, and with the others. Raises OSError, ValueError or NoExchange.
    """
    plan, accounts = folder.plan(), folder.accounts()
    name = checked_name(text, accounts)
    return _give_key(folder, plan, accounts, action="add", name=name)


def rekey_student(folder: ClassFolder, name: str) -> str:
    """Give a new key to somebody who has lost the old one; as `add_student`."""
    plan, accounts = folder.plan(), folder.accounts()
    if name not in folder.students():
        raise ValueError(f"No student is called {name!r:.60}")
    return _give_key(folder, plan, accounts, action="rekey", name=name)


def _give_key(
    folder: ClassFolder, plan: ClassPlan, accounts: dict[str, str], *, action: str, name: str
) -> str:
    """Have the exchange do it if it runs, else write the accounts; and make the card."""
    card_has = certified(folder, plan)  # without which no key may change: it would be on no card
    connection = connection_of(folder, plan)
    if connection.answers():
        key = str(connection.act(action, account=name)["key"])
    else:
        key = new_key()
        folder.write_accounts(accounts | {name: key})
    students = folder.students() | {name: key}  # the exchange may be about to write the file
    write(folder.new_card_file, cards_page(cards_of(plan, {name: key}, card_has)))
    write(folder.cards_file, cards_page(cards_of(plan, students, card_has)))
    return key


def new_cards(folder: ClassFolder, hosts: list[str]) -> ClassPlan:
    """Write the cards anew, for other names and addresses of this machine if some are given; with
    TLS these need a new certificate, and so does a class that has none yet. Returns the plan.
    Raises OSError or ValueError.
    """
    plan, text = folder.plan(), folder.plan_file.read_text(encoding="utf-8")
    if hosts:
        plan, text = plan._replace(hosts=tuple(hosts)), _with_hosts(text, hosts)
    if plan.tls and (hosts or not folder.certificate.exists()):
        make_certificate(plan.hosts, folder.certificate, folder.certificate_key)
    if hosts:
        write(folder.plan_file, text)
    write_cards(folder, plan)
    return plan


def cards_lead_to(folder: ClassFolder) -> str | None:
    """The URL on the cards as they were last made; None if there are none."""
    try:
        return address_on(folder.cards_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def old_cards(folder: ClassFolder, plan: ClassPlan) -> str:
    """What is to be said, and done, where the class file was changed after the cards were made;
    "" where they lead to the class.
    """
    url = cards_lead_to(folder)
    if url in (None, plan.url):
        return ""
    # A certificate is made for names, so with TLS these have to be said.
    hosts = [word for host in plan.hosts if plan.tls for word in ("--host", host)]
    again = shlex.join(["class", "cards", str(folder.path), *hosts])
    return (
        f"The cards in {folder.cards_file} are old: they lead to {url}, and the class is at"
        f" {plan.url} now. Make them anew, and hand them out: {command()} {again}"
    )


def end_class(folder: ClassFolder, wipe: bool) -> list[Path]:
    """Write what the afternoon has brought to the folder `results`, and returns those files; with
    `wipe` nothing else is left of the class than its class file. Raises OSError, ValueError, or
    Unusable for the market's file.
    """
    plan = folder.plan()
    connection = connection_of(folder, plan)
    if connection.answers():
        raise ValueError("The class is running: quit it first")
    written = []
    if folder.market_file.exists():
        folder.results.mkdir(mode=FOLDER_MODE, exist_ok=True)
        written += export(str(folder.market_file), str(folder.results))
        written.append(_write_totals(folder, Rounds(folder, plan, connection)))
    if wipe:
        _wipe(folder)
    return written


def _write_totals(folder: ClassFolder, rounds: Rounds) -> Path:
    """What each student has made in each round that has ended, and in all, in cents. One that has
    not can be asked for no longer: the market's own scores have what it counted then.
    """
    states = rounds.states()
    titles = [f"round{each.number}" for each in rounds.plan.rounds]
    found = totals(rounds, folder.students(), lambda number: states[number].scores)
    rows = [[name, *made, total] for name, made, total in found]
    text = io.StringIO(newline="")
    write_table(text, ["account", *titles, "total"], rows)
    path = folder.results / TOTALS
    write(path, text.getvalue())
    return path


def _wipe(folder: ClassFolder) -> None:
    """Take away all keys, and the market."""
    for path in _to_wipe(folder):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _to_wipe(folder: ClassFolder) -> Iterator[Path]:
    yield from folder.path.glob(f"{folder.market_file.name}*")
    yield from folder.path.glob(f".{folder.accounts_file.name}.*")
    yield from (folder.accounts_file, folder.bots_file, folder.admin_key_file)
    yield from (folder.cards_file, folder.new_card_file, folder.ports_file)
    yield from (folder.rounds_file, folder.lock_file, folder.rules_file)
    yield from (folder.nginx, folder.logs)


def _with_hosts(text: str, hosts: list[str]) -> str:
    """A class file with other hosts; raises ValueError if its line for them is not found."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if _HOSTS.match(line):
            lines[number] = _HOSTS.sub(f"hosts = {json.dumps(hosts)}", line)
            return "".join(lines)
    raise ValueError("The class file has no line of the form hosts = [...]; change it by hand")
