"""The cards to hand out: one for each student, with what is needed to trade, as a page to print.

The rule: each line on a card works as it stands there, pasted into a shell or into Python, whatever
the name; and a name is text, never markup.
"""

import json
import re
import shlex
from collections.abc import Mapping
from html import escape, unescape
from importlib.resources import files
from typing import NamedTuple
from urllib.parse import quote

from bottle import SimpleTemplate

from disorderbook.classroom.plan import PRACTICE, PRACTICE_STOCK, ClassPlan

KEY_HEADER = "X-Starfighter-Authorization"
PRICE, QUANTITY = 4900, 5  # cents and shares of the order to try
LONG = 40  # characters of a name that is printed smaller
CERTIFICATE = "class.pem"  # what a student's file of it is called


class Card(NamedTuple):
    """What one student is told."""

    account: str
    key: str
    url: str
    fingerprint: str  # of the certificate; "" without TLS

    @property
    def fingerprint_lines(self) -> str:
        """The fingerprint in two halves, as wide as a card."""
        middle = len(self.fingerprint) // 2 + 1
        return f"{self.fingerprint[:middle]}\n{self.fingerprint[middle:]}"

    @property
    def page(self) -> str:
        return f"{self.url}/accounts/{quote(self.account, safe='')}"

    @property
    def curl(self) -> str:
        """Lines for a shell that place an order to buy; short, since they are typed from paper."""
        order = {
            "account": self.account,
            "direction": "buy",
            "orderType": "limit",
            "price": PRICE,
            "qty": QUANTITY,
        }
        head, _, tail = json.dumps(order).rpartition(', "orderType"')
        body = shlex.quote(f'{head},\n  "orderType"{tail}')  # a line break is a blank to JSON
        trust = f"--cacert {CERTIFICATE} \\\n  " if self.fingerprint else ""
        return (
            f"curl {trust}-H {shlex.quote(f'{KEY_HEADER}: {self.key}')} \\\n  -d {body} \\\n"
            f"{self.url}/ob/api/venues/{PRACTICE}/stocks/{PRACTICE_STOCK}/orders"
        )

    @property
    def python(self) -> str:
        """Lines that place one, too, and say whether it is open."""
        trust = f", verify={CERTIFICATE!r}" if self.fingerprint else ""
        return (
            "from disorderbook import Market\n"
            f"market = Market({PRACTICE!r}, {PRACTICE_STOCK!r},\n"
            f"  {self.account!r}, {self.key!r},\n  url={self.url!r}{trust})\n"
            f"print(market.buy({PRICE}, {QUANTITY}).open)"
        )

    @property
    def fetch(self) -> str:
        """A line that gets the certificate."""
        return f"curl -k -o {CERTIFICATE} {self.url}/{CERTIFICATE}"

    @property
    def trust(self) -> str:
        """A line after which curl and Python trust it, as in the lines of the pages."""
        return f'export CURL_CA_BUNDLE="$PWD/{CERTIFICATE}"'

    @property
    def compare(self) -> str:
        return f"openssl x509 -in {CERTIFICATE} -noout -fingerprint -sha256"


def cards_of(plan: ClassPlan, keys: Mapping[str, str], fingerprint: str) -> list[Card]:
    """One for each account."""
    return [Card(account, key, plan.url, fingerprint) for account, key in keys.items()]


def cards_page(cards: list[Card]) -> str:
    """The page with these."""
    template = (files("disorderbook.classroom") / "cards.tpl").read_text(encoding="utf-8")
    return str(SimpleTemplate(template).render(cards=cards, LONG=LONG, breakable=_breakable))


def address_on(page: str) -> str | None:
    """Where the cards of such a page lead; None if it has none."""
    found = _PLACE.search(page)
    return None if found is None else unescape(found[1])


_PLACE = re.compile(r'<dd class="place">([^<]*)</dd>')


def _breakable(lines: str) -> str:
    """Lines as HTML whose URL, if it is wider than a card, goes on behind a slash."""
    before, line_break, url = escape(lines).rpartition("\n")
    return before + line_break + url.replace("/", "/<wbr>")
