"""What a stranger may send to the server or keep it busy with, and how he is refused."""

import json
from typing import NamedTuple

from disorderbook.protocol.names import LONGEST_SHOWN, detail_of
from disorderbook.server.head import Refusal, too_long_a_head


class Limits(NamedTuple):
    """Every bound of the server: sizes in bytes, times in seconds. Tests pass smaller ones."""

    head_bytes: int = 16 * 1024  # request line and header lines together
    body_bytes: int = 64 * 1024
    chunked_bytes: int = 8 * 64 * 1024  # a chunked body with its chunk sizes and trailers
    head_seconds: float = 10.0  # from the first byte of a request to the end of its header lines
    body_seconds: float = 10.0  # from there to the end of its body
    idle_seconds: float = 75.0  # between requests
    connections: int = 2000
    refused_connections: int = 100  # beyond the limit and being told so; others are just dropped
    excess_seconds: float = 0.5  # for one of them to send a head, so that a page may read why
    slice_bytes: int = 256 * 1024  # of a long answer that are written at once
    system_bytes: int = 64 * 1024  # of answers that the system takes off us for a client
    unsent_bytes: int = 64 * 2**20  # of answers that clients have not taken, each chunk once
    write_seconds: float = 10.0  # without the client reading any of what is written for it
    answer_seconds: float = 300.0  # for the client to read the whole of a long answer
    pass_requests: int = 32  # answered in one pass of the loop, for all connections together, or
    pass_bytes: int = 256 * 1024  # of answers written, or some of each; or one long answer made
    linger_seconds: float = 5.0  # for a client to read its last answer and stop sending
    stop_seconds: float = 0.15  # for requests that are under way when the server is stopped


def too_large_a_head(limits: Limits) -> Refusal:
    sentence = f"Request line and headers are at most {limits.head_bytes} bytes"
    detail = f"the head is longer; allowed: at most {limits.head_bytes} bytes"
    return too_long_a_head(sentence, detail)


def too_large_a_body(limits: Limits, length: int | str | None = None) -> Refusal:
    """With the length that was announced, if one was."""
    sentence = f"The body of a request is at most {limits.body_bytes} bytes"
    size = "longer" if length is None else f"{str(length)[:LONGEST_SHOWN]} bytes"
    detail = f"the body is {size}; allowed: at most {limits.body_bytes} bytes"
    return Refusal("413 Content Too Large", sentence, detail)


def too_much_framing(limits: Limits) -> Refusal:
    """Of a body in chunks that is larger than it is worth."""
    sentence = f"The body of a request is at most {limits.body_bytes} bytes"
    allowed = f"at most {limits.chunked_bytes} bytes with its chunk sizes and trailers"
    return Refusal("413 Content Too Large", sentence, f"the body is longer; allowed: {allowed}")


def too_slow_a_head(limits: Limits) -> Refusal:
    sentence = f"The headers of a request must arrive within {limits.head_seconds:g} seconds"
    detail = f"the head took longer; allowed: {limits.head_seconds:g} seconds"
    return Refusal("408 Request Timeout", sentence, detail)


def too_slow_a_body(limits: Limits) -> Refusal:
    sentence = f"The body of a request must arrive within {limits.body_seconds:g} seconds"
    detail = f"the body took longer; allowed: {limits.body_seconds:g} seconds"
    return Refusal("408 Request Timeout", sentence, detail)


def too_many_connections(limits: Limits) -> Refusal:
    sentence = f"At most {limits.connections} connections are open at a time"
    detail = f"there are more connections; allowed: {limits.connections}"
    return Refusal("503 Service Unavailable", sentence, detail)


def too_much_unsent(limits: Limits) -> Refusal:
    """Of answers to others; the connection goes on."""
    sentence = "Too many answers wait for clients that do not read them; try again later"
    detail = f"more is unsent; allowed: {limits.unsent_bytes} bytes of all answers together"
    return Refusal("503 Service Unavailable", sentence, detail)


def unmet_expectation(expected: str) -> Refusal:
    sentence = "The only expectation known is 100-continue"
    detail = detail_of("Expect", expected, "100-continue")
    return Refusal("417 Expectation Failed", sentence, detail)


def envelope(sentence: str) -> bytes:
    """The body of every refusal."""
    return json.dumps({"ok": False, "error": sentence}).encode() + b"\n"
