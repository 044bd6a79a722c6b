"""Where things are: the URLs of the exchange and of its tape, and of what has names there."""

from urllib.parse import SplitResult, quote, urlsplit

DEFAULT_URL = "http://127.0.0.1:8000"
API = "/ob/api"
TAPE = "/ob/api/ws"
TAPE_PORT = 8001
UNSENDABLE = ("", ".", "..")  # parts of a path that have a meaning of their own


def api_address(url: str) -> str:
    """Where the API begins; a URL of the host alone will do. Raises ValueError."""
    parts = _parts(url, ("http", "https"), DEFAULT_URL)
    path = parts.path.rstrip("/") or API
    return f"{parts.scheme}://{parts.netloc}{path}"


def tape_address(tape_url: str | None, url: str) -> str:
    """Where the tape begins: at the host of `url`, port 8001, unless it is said. Raises ValueError.
    """
    if tape_url is None:
        parts = _parts(url, ("http", "https"), DEFAULT_URL)
        host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
        return f"{parts.scheme.replace('http', 'ws')}://{host}:{TAPE_PORT}{TAPE}"
    parts = _parts(tape_url, ("ws", "wss"), f"ws://127.0.0.1:{TAPE_PORT}")
    path = parts.path.rstrip("/") or TAPE
    return f"{parts.scheme}://{parts.netloc}{path}"


def encoded(name: str) -> str:
    """A name as a part of a path, whatever it consists of; raises ValueError if that is impossible.
    """
    if name in UNSENDABLE:
        raise ValueError(f"{name!r} cannot be the name of a venue, a stock or an account in a URL")
    return quote(name, safe="")


def is_this_machine(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _parts(url: str, schemes: tuple[str, str], example: str) -> SplitResult:
    problem = ValueError(f"{url!r} is no address of an exchange, like {example}")
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in schemes and parts.hostname and parts.port != 0
    except ValueError:
        raise problem from None
    if not is_good or parts.query or parts.fragment:
        raise problem
    return parts
