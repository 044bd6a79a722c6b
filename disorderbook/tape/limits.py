"""How much of anything a stranger can make the tape hold, and for how long."""

from typing import NamedTuple


class Limits(NamedTuple):
    """Every limit of the tape's transport; sizes in bytes, times in seconds."""

    listeners: int = 4096
    """A newcomer beyond these is refused with 503 in the handshake."""
    newcomers: int = 256
    """Connections beyond the listeners, in their handshake or on their way out; when these are
    there too nobody is accepted until one has left."""
    refused: int = 500
    """Connections that were refused and are not gone yet, besides all others; when these are
    there too the next one is told so and cut at once."""
    refusal_seconds: float = 1.0
    """Until somebody who is refused is told so: whoever comes again at once comes less often."""

    header_bytes: int = 8192
    """Of a handshake; more is refused with 431."""
    handshake_seconds: float = 5.0
    """For a handshake; a slower one is refused with 408."""

    ping_seconds: float = 20.0
    """Between two pings to a listener."""
    pong_seconds: float = 20.0
    """For the answer to a ping; without one the listener is closed (1008)."""

    heard_bytes: int = 65536
    """From one listener within `heard_seconds`; more closes it (1008)."""
    heard_seconds: float = 10.0

    waiting_messages: int = 4096
    """For one listener, unsent; beyond them it has fallen behind."""
    waiting_bytes: int = 4 * 2**20
    """The same in bytes."""
    kernel_bytes: int = 2**18
    """For the kernel to keep of what was sent to one listener; it takes about twice that."""
    stalled_seconds: float = 5.0
    """Without taking one byte of what waits; then it has fallen behind as well (1008)."""

    closing_seconds: float = 10.0
    """For what is half sent and the close frame behind it; then the connection is cut."""
    linger_seconds: float = 2.0
    """For a listener to hang up after it was sent a close frame."""
    stop_seconds: float = 0.4
    """To tell what is not told yet when the tape stops."""
    goodbye_seconds: float = 0.05
    """Then for slow listeners to read what waits for them, and again for all to hang up."""
    pause_seconds: float = 0.5
    """Between two attempts to accept while the process has no descriptors left."""


def limits_for(descriptors: int) -> Limits:
    """Limits for a process with so many descriptors, of which half are left to others: listeners,
    newcomers and refused in their usual proportion.
    """
    usual = Limits()
    everybody = usual.listeners + usual.newcomers + usual.refused
    room = min(descriptors // 2, everybody)
    newcomers = max(1, room * usual.newcomers // everybody)
    refused = max(1, room * usual.refused // everybody)
    listeners = max(1, room - newcomers - refused)
    return usual._replace(listeners=listeners, newcomers=newcomers, refused=refused)
