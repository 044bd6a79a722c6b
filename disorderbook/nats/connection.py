"""How NATS servers are reached: their URLs, who we are there, TLS, and a connection by nats-py.

The rule: a connection is used until something goes wrong with it, and never again. nats-py could
connect again by itself, but would then send what is left of the old connection, the oldest first.
So whoever needs another connection calls `connect` again, with a new client that has nothing to
send yet.
"""

import asyncio
import base64
import logging
import os
import random
import re
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from nats.aio.client import Client

PORT = 4222
PLAIN, TLS = "nats", "tls"
URL_RULE = (
    "nats://HOST:PORT or tls://HOST:PORT, with USER:PASSWORD@ or TOKEN@ before HOST if need be;"
    " several have commas between them"
)
MOST_SERVERS = 16  # that can be named
INSTALL = "pip install 'disorderbook[nats]'"
CONNECT_SECONDS = 2.0  # that each step of connecting may take
PING_SECONDS = 20  # between two signs of life of a quiet connection
WRITE_SECONDS = 0.001  # between two looks whether nats-py has written everything
LOOK_SECONDS = 0.1  # between two looks whether the connection has ended
CANCEL_SECONDS = 1.0  # until a task is cancelled again, whose end may take CLOSE_SECONDS
CLOSE_SECONDS = 0.5  # for nats-py to end its tasks
LONGEST_CREDENTIALS = 64 * 1024  # bytes of a file

_LOG = logging.getLogger("nats")  # of nats-py
_JWT = re.compile(r"^-+BEGIN NATS USER JWT-+\r?\n(\S+)\r?\n", re.MULTILINE)
_SEED = re.compile(r"^-+BEGIN USER NKEY SEED-+\r?\n(\S+)\r?\n", re.MULTILINE)
# What a server says of a message or a subscription that it does not take, as nats-py hands it on.
_REFUSAL = re.compile(r'permissions violation for (?:publish|subscription) to (".*")', re.DOTALL)

OnError = Callable[[Exception], Awaitable[None]]


class NatsAddress(NamedTuple):
    """A NATS server, and who we are there."""

    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = None  # without one the user is a token

    @property
    def url(self) -> str:
        """What can be shown to anybody."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class NatsAccess(NamedTuple):
    """The servers of a cluster, or the only one, and who we are at all of them. `credentials` and
    `ca` are files, which are read at each connection: the servers' operator gives out the one, the
    other (PEM) proves the servers.
    """

    servers: tuple[NatsAddress, ...]
    credentials: str | None = None
    ca: str | None = None

    @property
    def url(self) -> str:
        """What can be shown to anybody."""
        return ",".join(each.url for each in self.servers)

    @property
    def is_secret(self) -> bool:
        """Whether nothing may be sent without TLS."""
        return self.servers[0].scheme == TLS or self.ca is not None


def nats_access(text: str) -> NatsAccess:
    """What a URL says, or several with commas between them; raises ValueError with a sentence,
    without a password that is in it. What follows a comma without a scheme of its own has the
    scheme, user and password of the first.
    """
    first, *others = text.split(",")
    if len(others) >= MOST_SERVERS:
        raise ValueError(f"At most {MOST_SERVERS} NATS servers can be named")
    servers = [_address(first.strip())]
    for other in others:
        servers.append(_address(other.strip(), servers[0]))
    if len({each.scheme for each in servers}) > 1:
        raise ValueError("The URLs of a cluster of NATS servers are all nats:// or all tls://")
    return NatsAccess(tuple(servers))


def _address(text: str, first: NatsAddress | None = None) -> NatsAddress:
    is_short = first is not None and "://" not in text
    try:
        parts = urlsplit(f"{first.scheme}://{text}" if first and is_short else text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"The URL of a NATS server is {URL_RULE}") from None
    is_complete = parts.scheme in (PLAIN, TLS) and host and port != 0
    if not is_complete or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"The URL of a NATS server is {URL_RULE}")
    assert host is not None
    if not re.fullmatch(r"[0-9A-Za-z_.:-]{1,253}", host):
        raise ValueError("The host in the URL of a NATS server is a name or an address")
    user = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    address = NatsAddress(parts.scheme, host, port or PORT, user or None, password)
    if first and is_short and user is None:
        return address._replace(user=first.user, password=first.password)
    return address


def check_access(access: NatsAccess) -> None:
    """Raise ValueError, with a sentence, if nats-py is missing or a file cannot be used."""
    try:
        import nats  # noqa: F401

        if access.credentials is not None:
            import nkeys  # noqa: F401
    except ImportError:
        raise ValueError(f"NATS needs a package that is not installed; run: {INSTALL}") from None
    if access.credentials is not None:
        if any(each.user is not None for each in access.servers):
            raise ValueError("A NATS server is told either a user in the URL or a credentials file")
        read_credentials(access.credentials)
    _context(access)


def read_credentials(path: str) -> str:
    """The text of a credentials file; raises ValueError with a sentence."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(LONGEST_CREDENTIALS + 1).decode()
    except OSError as fault:
        raise ValueError(f"Cannot read the credentials file {path}: {fault.strerror}") from None
    except UnicodeDecodeError:
        text = ""
    if len(text) > LONGEST_CREDENTIALS or not _JWT.search(text) or not _SEED.search(text):
        raise ValueError(f"The file {path} holds no NATS credentials: a user's JWT and seed")
    return text


async def connect(access: NatsAccess, on_error: OnError, on_closed: OnError) -> "Client":
    """A client that is connected now, to one of the servers, which are tried in an order of chance.
    `on_error` hears what the server complains of, `on_closed` of its end, which has no other
    consequence. Raises whatever stands in the way.
    """
    _LOG.setLevel(logging.CRITICAL)  # what goes wrong is told by whoever has a connection
    reasons = []
    for server in random.sample(access.servers, len(access.servers)):
        try:
            return await _connect_to(server, access, on_error, on_closed)
        except Exception as fault:
            if len(access.servers) == 1:
                raise
            reasons.append(f"{server.url}: {reason_of(fault)}")
    raise ConnectionError("; ".join(reasons))


async def _connect_to(
    server: NatsAddress, access: NatsAccess, on_error: OnError, on_closed: OnError
) -> "Client":
    from nats.aio.client import Client

    client = Client()
    is_connected = False

    async def hear(fault: Exception) -> None:
        if not is_connected:
            raise fault  # or nats-py would go on trying
        await on_error(fault)

    async def end() -> None:
        if is_connected:
            await on_closed(client.last_error or ConnectionError("the connection was closed"))

    try:
        await client.connect(
            [server.url],
            error_cb=hear,
            closed_cb=end,
            name="disorderBook",
            no_echo=True,
            allow_reconnect=False,
            connect_timeout=CONNECT_SECONDS,  # type: ignore[arg-type]
            ping_interval=PING_SECONDS,
            pending_size=0,  # to keep nothing while there is no connection
            **_identity(server, access, client),
        )
        _require_tls(access, client)
    except BaseException:
        await abort(client)
        raise
    is_connected = True
    return client


async def confirm(client: "Client", seconds: float) -> None:
    """Wait until the server has read everything that it was told; raises TimeoutError, or
    ConnectionError if the connection has ended.
    """
    async with asyncio.timeout(seconds):
        # nats-py sends the PING of its `flush` before what it has not written yet.
        await asyncio.sleep(0)
        while client.pending_data_size > 0:
            await asyncio.sleep(WRITE_SECONDS)
        # It does not always end when it is cancelled, nor when the connection does.
        flushing = asyncio.ensure_future(client.flush(2 * seconds))  # type: ignore[arg-type]
        try:
            while not flushing.done() and not client.is_closed:
                await asyncio.wait({flushing}, timeout=LOOK_SECONDS)
        finally:
            flushing.cancel()
    # A message that it cannot read ends its reader, and then `flush` waits for nothing.
    reading = client._reading_task
    if client.is_closed or (reading is not None and reading.done()):
        raise ConnectionError("the connection was closed")
    await flushing


async def abort(client: "Client") -> None:
    """End a connection at once, whatever the server does; nothing happens if it has ended."""
    stream = stream_of(client)
    if stream is not None:
        stream.abort()
    # nats-py does not end at once when it is cancelled, so nobody waits for that.
    closing = asyncio.ensure_future(client.close())
    await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
    if closing.done() and not closing.cancelled():
        closing.exception()  # which is of no interest
    closing.cancel()


def cancel_until_done(task: "asyncio.Task[None]") -> None:
    """Cancel a task of the loop that this runs in, and again while it goes on: before Python 3.12
    asyncio.wait_for, by which nats-py connects, loses a cancellation that comes as its wait ends.
    """
    if not task.done():
        task.cancel()
        task.get_loop().call_later(CANCEL_SECONDS, cancel_until_done, task)


def stream_of(client: "Client") -> asyncio.WriteTransport | None:
    """The stream under a client; None before there is one."""
    # nats-py has no other way to it, and waits in `close` until the server has read everything.
    writer = getattr(client._transport, "_io_writer", None)
    return None if writer is None else writer.transport


def reason_of(fault: BaseException) -> str:
    """What went wrong, for a sentence in the log."""
    if isinstance(fault, TimeoutError):
        return "it does not answer"
    if isinstance(fault, OSError) and fault.errno and fault.strerror:
        is_vague = fault.strerror.startswith("Connect call failed")  # as asyncio says of any reason
        return os.strerror(fault.errno) if is_vague else fault.strerror
    return str(fault).removeprefix("nats: ").strip("'") or type(fault).__name__


def refused_subject(fault: Exception) -> str | None:
    """The quoted subject to which a server's permissions refuse us to publish or subscribe; None if
    a complaint is of something else.
    """
    complaint = _REFUSAL.search(str(fault).lower())
    return None if complaint is None else complaint[1]


def _identity(server: NatsAddress, access: NatsAccess, client: "Client") -> dict[str, Any]:
    """The arguments of `Client.connect` that say who we are. Secrets are handed out only when a
    connection is as safe as it has to be.
    """
    identity: dict[str, Any] = {"tls": _context(access)}

    def secret(text: str) -> Callable[[], str]:
        def tell() -> str:
            _require_tls(access, client)
            return text

        return tell

    if access.credentials is not None:
        # Not nats-py's `user_credentials`, which it hands out over any connection.
        text = read_credentials(access.credentials)
        jwt, seed = (secret(part.findall(text)[0]) for part in (_JWT, _SEED))
        identity["user"] = jwt  # never sent, but has nats-py prove who we are unasked
        identity["user_jwt_cb"] = lambda: jwt().encode()
        identity["signature_cb"] = lambda nonce: _signature(seed(), nonce)
    elif server.user is not None and server.password is not None:
        identity |= {"user": secret(server.user), "password": secret(server.password)}
    elif server.user is not None:
        identity["token"] = secret(server.user)
    return identity


def _signature(seed: str, nonce: str) -> bytes:
    """What proves to a server that we have the seed."""
    import nkeys

    return base64.b64encode(nkeys.from_seed(bytearray(seed.encode())).sign(nonce.encode()))


def _context(access: NatsAccess) -> ssl.SSLContext | None:
    """How the server has to prove itself; None for what nats-py does if the server asks for TLS.
    Raises ValueError with a sentence.
    """
    if access.ca is None:
        return ssl.create_default_context() if access.is_secret else None
    try:
        return ssl.create_default_context(cafile=access.ca)
    except ssl.SSLError:
        raise ValueError(f"The file {access.ca} holds no certificate (PEM)") from None
    except OSError as fault:
        raise ValueError(f"Cannot read the file {access.ca}: {fault.strerror}") from None


def _require_tls(access: NatsAccess, client: "Client") -> None:
    """Raise ConnectionError if the connection must be encrypted, and is not."""
    stream = stream_of(client)
    is_encrypted = stream is not None and stream.get_extra_info("ssl_object") is not None
    if access.is_secret and not is_encrypted:
        raise ConnectionError("it does not offer TLS")
