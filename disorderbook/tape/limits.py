"""The limits of the tape: how much a stranger can make it hold, and for how long.

The one rule: whatever a client can grow or delay has a limit here, and docs/tape.md names each.
"""

from typing import NamedTuple

MAX_LISTENERS = 4096  # unless an option says otherwise


class TapeLimits(NamedTuple):
    """Every limit of the tape's transport; sizes in bytes, times in seconds."""

    listeners: int = MAX_LISTENERS
    """A client beyond these is refused with 503 in the handshake."""
    pending: int = 256
    """Connections besides the listeners, in their handshake or being closed; beyond these none is
    accepted until one is gone."""
    refused: int = 500
    """Connections besides all others that were refused and are not gone yet; the next one is
    refused without delay and cut."""
    refusal_seconds: float = 1.0
    """Delay of a refusal, so that a client that tries again at once tries less often."""

    header_bytes: int = 8192
    """Of a handshake; more is refused with 431."""
    handshake_seconds: float = 5.0
    """For a handshake; a slower one is refused with 408."""

    ping_seconds: float = 20.0
    """Between two pings to a listener."""
    pong_seconds: float = 20.0
    """For the answer to a ping; without one the listener is closed (1008)."""

    received_bytes: int = 65536
    """From one listener within `received_seconds`; more closes it (1008)."""
    received_seconds: float = 10.0

    waiting_messages: int = 4096
    """Unsent to one listener; beyond these they are conflated, or it has fallen behind (1008)."""
    waiting_bytes: int = 4 * 2**20
    """Bytes unsent to one listener; the same happens beyond them."""
    kernel_bytes: int = 2**18
    """For the kernel to keep of what was sent to one listener; it takes about twice that."""
    stalled_seconds: float = 5.0
    """Without taking one byte of what waits; then the listener has fallen behind (1008)."""

    closing_seconds: float = 10.0
    """For sending what is half sent and the close frame; then the connection is cut."""
    linger_seconds: float = 2.0
    """For a listener to hang up after it was sent a close frame."""
    stop_seconds: float = 0.4
    """For rendering what was published when the tape stops."""
    goodbye_seconds: float = 0.05
    """Then for slow listeners to read what waits, and again for all to hang up."""
    pause_seconds: float = 0.5
    """Between two attempts to accept while the process has no descriptors left."""


def limits_for(descriptors: int, listeners: int = MAX_LISTENERS) -> TapeLimits:
    """TapeLimits for a process with so many descriptors, with at most so many listeners.

    Half of the descriptors are left to others; the rest is shared among listeners, pending and
    refused connections in their usual proportion, as far as there is not enough for all.
    """
    usual = TapeLimits()
    everybody = usual.listeners + usual.pending + usual.refused
    room = descriptors // 2
    shared = min(room, everybody)
    pending = max(1, shared * usual.pending // everybody)
    refused = max(1, shared * usual.refused // everybody)
    listeners = max(1, min(listeners, room - pending - refused))
    return usual._replace(listeners=listeners, pending=pending, refused=refused)
