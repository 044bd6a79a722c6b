"""URLs of NATS servers, and the files that say who we are and whom to trust."""

import asyncio
import socket
from pathlib import Path

import pytest
from tls_front import make_certificate

from disorderbook.nats.connection import (
    NatsAccess,
    check_access,
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
    ("url", "access"),
    [
        ("nats://a.example", NatsAccess("nats", "a.example", 4222)),
        ("nats://127.0.0.1:4300/", NatsAccess("nats", "127.0.0.1", 4300)),
        ("tls://[::1]:1", NatsAccess("tls", "::1", 1)),
        ("nats://me:p%40ss@h", NatsAccess("nats", "h", 4222, "me", "p@ss")),
        ("nats://token@h", NatsAccess("nats", "h", 4222, "token")),
    ],
)
def test_a_url_says_where_and_who(url: str, access: NatsAccess) -> None:
    assert nats_access(url) == access
    assert "@" not in access.url and nats_access(access.url).port == access.port


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
        "nats://h,nats://g",
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
    ],
)
def test_what_holds_no_credentials_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "user.creds"
    file.write_text(text)
    with pytest.raises(ValueError, match="holds no NATS credentials"):
        read_credentials(str(file))


def test_credentials_are_read_and_exclude_a_user(tmp_path: Path) -> None:
    file = tmp_path / "user.creds"
    file.write_text(CREDENTIALS)
    assert read_credentials(str(file)) == CREDENTIALS
    access = nats_access("nats://h")._replace(credentials=str(file))
    check_access(access)
    with pytest.raises(ValueError, match="either a user in the URL or a credentials file"):
        check_access(access._replace(user="me", password="x"))
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
