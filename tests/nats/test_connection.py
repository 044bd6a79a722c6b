"""URLs of NATS servers, and the files that say who we are and whom to trust."""

import asyncio
import socket
from pathlib import Path

import pytest
from nats_server import nats_server
from tls_front import make_certificate

from disorderbook.nats.connection import (
    NatsAccess,
    NatsAddress,
    abort,
    check_access,
    confirm,
    connect,
    nats_access,
    read_credentials,
    reason_of,
)

CREDENTIALS = """-----BEGIN NATS USER JWT-----
eyJ0eXAi.eyJqdGki.abc
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
SUAOV
------END USER NKEY SEED------
"""


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("nats://a.example", NatsAddress("nats", "a.example", 4222)),
        ("nats://127.0.0.1:4300/", NatsAddress("nats", "127.0.0.1", 4300)),
        ("tls://[::1]:1", NatsAddress("tls", "::1", 1)),
        ("nats://me:p%40ss@h", NatsAddress("nats", "h", 4222, "me", "p@ss")),
        ("nats://token@h", NatsAddress("nats", "h", 4222, "token")),
    ],
)
def test_a_url_says_where_and_who(url: str, address: NatsAddress) -> None:
    assert nats_access(url) == NatsAccess((address,))
    assert "@" not in address.url and nats_access(address.url).servers[0].port == address.port


@pytest.mark.parametrize(
    ("url", "shown", "users"),
    [
        ("nats://a:1,b,nats://c:3", "nats://a:1,nats://b:4222,nats://c:3", [None] * 3),
        ("tls://me:p%2Cw@a, b:2", "tls://a:4222,tls://b:2", ["me", "me"]),
        (
            "nats://me:x@a,you:y@b,nats://c",
            "nats://a:4222,nats://b:4222,nats://c:4222",
            ["me", "you", None],
        ),
        ("nats://[::1]:1,[::2]:2", "nats://[::1]:1,nats://[::2]:2", [None, None]),
    ],
)
def test_the_servers_of_a_cluster_have_commas_between_them(
    url: str, shown: str, users: list[str | None]
) -> None:
    access = nats_access(url)
    assert access.url == shown and [each.user for each in access.servers] == users
    assert access.servers[0].password == access.servers[1].password or "you" in users


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nats://a,tls://b", "all nats:// or all tls://"),
        ("nats://a," + "b," * 15 + "c", "At most 16"),
        ("nats://me:secret@a,", "URL of a NATS server is"),
        ("nats://me:secret@a,http://b", "URL of a NATS server is"),
        ("nats://me:secret@a,b/path", "URL of a NATS server is"),
        ("nats://me:secret@a,b:0", "URL of a NATS server is"),
        ("nats://me:secret@a,b c", "is a name or an address"),
        (",nats://me:secret@a", "URL of a NATS server is"),
        ("a,nats://b", "URL of a NATS server is"),
    ],
)
def test_a_wrong_url_among_several_is_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refusal:
        nats_access(url)
    assert "secret" not in str(refusal.value)


def test_of_several_servers_those_that_are_away_are_told_with_their_reasons() -> None:
    async def hear(fault: Exception) -> None:
        raise fault

    access = nats_access("nats://127.0.0.1:1,127.0.0.1:2")
    with pytest.raises(ConnectionError) as failure:
        asyncio.run(connect(access, hear, hear))
    for port in (1, 2):
        assert f"nats://127.0.0.1:{port}: Connection refused" in str(failure.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:4222",
        "http://h:1",
        "nats://",
        "nats://h:0",
        "nats://h:65536",
        "nats://h:x",
        "nats://h/path",
        "nats://h?query",
        "nats://[::1",
        "nats://secret:secret@",
        "nats://secret:secret@a b",
        "nats://a\u2028b",
    ],
)
def test_another_url_is_refused_in_a_sentence_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="URL of a NATS server") as refusal:
        nats_access(url)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        CREDENTIALS.replace("JWT", "XXX"),
        CREDENTIALS.replace("SEED", "XXX"),
        CREDENTIALS.replace("SUAOV\n", ""),
        CREDENTIALS + " " * 65536,
        CREDENTIALS + "\xff",
    ],
)
def test_what_holds_no_credentials_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "user.creds"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match="holds no NATS credentials"):
        read_credentials(str(file))


def test_credentials_are_read_and_exclude_a_user(tmp_path: Path) -> None:
    file = tmp_path / "user.creds"
    file.write_text(CREDENTIALS)
    assert read_credentials(str(file)) == CREDENTIALS
    access = nats_access("nats://h")._replace(credentials=str(file))
    check_access(access)
    with pytest.raises(ValueError, match="either a user in the URL or a credentials file"):
        check_access(nats_access("nats://h,nats://me:x@g")._replace(credentials=str(file)))
    with pytest.raises(ValueError, match="Cannot read the credentials file"):
        check_access(access._replace(credentials=str(tmp_path / "none")))


def test_a_certificate_is_checked_before_the_start(tmp_path: Path) -> None:
    access = nats_access("tls://h")
    certificate, _ = make_certificate(tmp_path)
    check_access(access._replace(ca=str(certificate)))
    (tmp_path / "empty").touch()
    for name, sentence in (("none", "Cannot read"), ("empty", "holds no certificate")):
        with pytest.raises(ValueError, match=sentence):
            check_access(access._replace(ca=str(tmp_path / name)))


def test_what_was_said_is_confirmed_and_not_what_was_said_before() -> None:
    """nats-py's `flush` writes its PING before what waits to be written."""
    said: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"max_payload": 1048576, "headers": true}\r\n')
        while line := await reader.readline():
            said.append(line.split()[0])
            if line.startswith(b"PUB"):
                await reader.readexactly(int(line.split()[-1]) + 2)
            elif line == b"PING\r\n":
                writer.write(b"PONG\r\n")
        writer.close()

    async def publish() -> None:
        async def hear(fault: Exception) -> None:
            raise fault

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            client = await connect(nats_access(f"nats://127.0.0.1:{port}"), hear, hear)
            for _ in range(3):
                await client.subscribe("s")
                await client.publish("s", b"x" * 100_000)
                await confirm(client, 10)
                assert said[-3:] == [b"SUB", b"PUB", b"PING"]
            await abort(client)

    asyncio.run(publish())


def test_a_connection_that_ends_is_no_confirmation_and_not_waited_for() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"max_payload": 1048576, "headers": true}\r\n')
        while await reader.readline() != b"PING\r\n":
            pass
        writer.write(b"PONG\r\n")
        await reader.readline()
        writer.close()

    async def publish() -> None:
        async def hear(fault: Exception) -> None:
            pass

        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            client = await connect(nats_access(f"nats://127.0.0.1:{port}"), hear, hear)
            with pytest.raises(ConnectionError):
                await confirm(client, 120)

    asyncio.run(publish())


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("disorderbook.nats.connection.CONNECT_SECONDS", 0.1)

    async def hear(fault: Exception) -> None:
        raise fault

    with socket.create_server(("127.0.0.1", 0)) as silent:
        access = nats_access(f"nats://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(TimeoutError) as failure:
            asyncio.run(connect(access, hear, hear))
        with silent.accept()[0] as peer:
            assert peer.recv(64) == b"", "the connection is closed"
    assert reason_of(failure.value) == "it does not answer"


def test_a_server_that_asks_for_a_token_is_told_it(tmp_path: Path) -> None:
    async def hear(fault: Exception) -> None:
        raise fault

    async def reach(url: str) -> None:
        await abort(await connect(nats_access(url), hear, hear))

    with nats_server(tmp_path, 'authorization {token: "a/b"}') as server:
        asyncio.run(reach(server.url.replace("//", "//a%2Fb@")))
        with pytest.raises(Exception, match="(?i)authorization violation"):
            asyncio.run(reach(server.url.replace("//", "//wrong@")))
