"""Every way in which a call of the client can fail."""


class MarketError(Exception):
    """What all of them have in common."""


class Refused(MarketError):
    """The exchange says no, and has changed nothing: `sentence` is its reason.

    `status` is the HTTP status, None for a sentence that came over an open websocket.
    """

    def __init__(self, sentence: str, status: int | None) -> None:
        super().__init__(sentence, status)
        self.sentence = sentence
        self.status = status

    def __str__(self) -> str:
        return self.sentence


class ExchangeUnreachable(MarketError):
    """No answer came, or none of an exchange.

    `was_sent` tells whether the exchange may have got the request all the same. An order that was
    sent may have been placed; the client never sends it again.
    """

    def __init__(self, sentence: str, was_sent: bool) -> None:
        super().__init__(sentence, was_sent)
        self.sentence = sentence
        self.was_sent = was_sent

    def __str__(self) -> str:
        return self.sentence


class CertificateUntrusted(ExchangeUnreachable):
    """Something is there, but its certificate does not prove that it is the exchange. Nothing was
    sent. `reason` is what is wrong with it.
    """

    def __init__(self, url: str, reason: str) -> None:
        sentence = (
            f"The certificate of {url} is not trusted: {reason}; verify='FILE' names the"
            " certificate of who signed it"
        )
        super().__init__(sentence, was_sent=False)
        self.reason = reason


class MarketClosed(MarketError):
    """`close` was called before."""

    def __str__(self) -> str:
        return "This market was closed"
