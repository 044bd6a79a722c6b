"""How much of anything a stranger can make the tape hold, and for how long."""

from typing import NamedTuple


class Limits(NamedTuple):
    """Every limit of the tape's transport; sizes in bytes, times in seconds."""

    listeners: int = 4096
    """A newcomer beyond these is refused with 503 in the handshake."""
    newcomers: int = 256
    """Connections beyond the listeners, in their handshake or on their way out; when these are
    there too nobody is accepted until one has left."""

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
    stop_seconds: float = 0.5
    """For all of them to hang up when the tape stops."""
    pause_seconds: float = 0.5
    """Between two attempts to accept while the process has no descriptors left."""
