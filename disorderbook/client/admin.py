"""What whoever has the admin's key does with a running exchange, for programs.

with AdminClient("http://127.0.0.1:8000", key) as admin:
    admin.do("halt", venue="TESTEX", symbol="FOOBAR", reason="a lunch break")
    print(admin.status()["halts"])
"""

import msgspec

from disorderbook.client.market import HttpConnection
from disorderbook.client.network import Verify, api_address, check_types, checked_verify

ADMIN, NOTICES = "/api/v1/admin", "/api/v1/notices"
PATIENCE = 120.0  # seconds; cancelling 100,000 orders takes a tenth of it

Told = dict[str, object]


class AdminClient:
    """Sends the admin's requests to the exchange at `url`, which may stand behind a proxy. Each
    method raises Refused, ExchangeUnreachable, CertificateUntrusted or MarketClosed, and the
    constructor ValueError for an address or certificates (`verify`, as of a Market) that are none.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = PATIENCE,
        verify: Verify = True,
    ) -> None:
        check_types(str, key=key)
        self._connection = HttpConnection(api_address(url), key, timeout, checked_verify(verify))

    def status(self) -> Told:
        """What is in force, who has an account, and what was done, as the exchange tells it."""
        return self._connection.request("GET", ADMIN, Told)

    def notices(self) -> Told:
        """What everybody is told."""
        return self._connection.request("GET", NOTICES, Told)

    def do(self, action: str, **fields: object) -> Told:
        """Do one of the actions of docs/admin.md, such as "settle"; fields that are None are left
        out. Returns what the exchange answers.
        """
        sent = {name: value for name, value in fields.items() if value is not None}
        body = msgspec.json.encode(sent)
        return self._connection.request("POST", f"{ADMIN}/{action}", Told, body)

    def close(self) -> None:
        """Close the connection; nothing can be done any more."""
        self._connection.close()

    def __enter__(self) -> "AdminClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
