"""What the teacher asks of the exchange, over HTTP with the admin's key, from this machine.

The rule: a refusal is the exchange's own sentence with its detail, and an exchange that does not
answer is told from one that refuses.
"""

from typing import Any
from urllib.parse import quote

import requests

from disorderbook.process.invocation import command
from disorderbook.protocol.names import DETAIL_HEADER, HOST

KEY_HEADER = "X-Starfighter-Authorization"
ADMIN = "/api/v1/admin"
TIMEOUT = 30.0  # seconds
MOST_SCORES = 1000
MOST_RESULTS = 1000
Json = dict[str, Any]


class NoExchange(Exception):
    """The class's exchange does not answer; says why in a sentence."""


class RefusedAction(ValueError):
    """What the exchange has refused: its sentence, and the detail."""


class AdminConnection:
    """Requests to the exchange at a port of this machine. Every call raises NoExchange or
    RefusedAction.
    """

    def __init__(self, port: int, key: str) -> None:
        self.url = f"http://{HOST}:{port}"
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy has no business with this machine's own requests
        self._session.headers[KEY_HEADER] = key

    def act(self, action: str, **fields: object) -> Json:
        """Do something as the admin; None stands for a field that is left out."""
        body = {name: value for name, value in fields.items() if value is not None}
        return self._ask("POST", f"{ADMIN}/{action}", json=body)

    def settled(self, venue: str) -> set[str]:
        """The stocks of a venue that are settled."""
        told = self._ask("GET", ADMIN)["settlements"]
        return {each["symbol"] for each in told if each["venue"] == venue}

    def scores(self, venue: str) -> Json:
        return self._ask(
            "GET", f"/api/v1/venues/{quote(venue, safe='')}/scores?limit={MOST_SCORES}"
        )

    def results(self) -> list[Json]:
        """How levels have ended, the newest first."""
        found: list[Json] = self._ask("GET", f"/api/v1/results?limit={MOST_RESULTS}")["results"]
        return found

    def answers(self) -> bool:
        """Whether there is an exchange that takes the admin's key."""
        try:
            self._ask("GET", ADMIN)
        except (NoExchange, RefusedAction):
            return False
        return True

    def _ask(self, method: str, path: str, json: object = None) -> Json:
        try:
            answer = self._session.request(method, self.url + path, json=json, timeout=TIMEOUT)
            told: Json = answer.json()
        except requests.RequestException:  # that of an answer that is no JSON, too
            raise NoExchange(
                f"No exchange answers at {self.url}: start the class with `{command()} class start`"
            ) from None
        if answer.status_code != 200:
            detail = answer.headers.get(DETAIL_HEADER)
            sentence = str(told.get("error", answer.status_code))
            raise RefusedAction(
                f"The exchange says: {sentence}" + (f" ({detail})" if detail else "")
            )
        return told
