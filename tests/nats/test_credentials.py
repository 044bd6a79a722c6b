"""A NATS server that knows its users by credentials files alone, as operators hand them out."""

import asyncio
import base64
import hashlib
import json
import time
import urllib.request
from pathlib import Path
from typing import Any

import nkeys
import pytest
from nacl.signing import SigningKey
from nats_server import nats_server
from raw_http import wait_until

from disorderbook.in_process import CannotStart, serve
from disorderbook.nats.connection import abort, connect, nats_access


def key_pair(kind: int) -> Any:
    return nkeys.from_seed(bytearray(nkeys.encode_seed(bytes(SigningKey.generate()), kind)))


def signed(claims: dict[str, Any], subject: Any, issuer: Any, kind: str) -> str:
    """A token of NATS: what the issuer says of the subject."""
    body = {
        "iss": issuer.public_key.decode(),
        "sub": subject.public_key.decode(),
        "name": kind,
        "iat": int(time.time()),
        "nats": {"type": kind, "version": 2, **claims},
    }
    body["jti"] = base64.b32encode(hashlib.sha256(json.dumps(body).encode()).digest()).decode()
    parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, body]
    text = b".".join(encoded(json.dumps(part).encode()) for part in parts)
    return (text + b"." + encoded(issuer.sign(text))).decode()


def encoded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def credentials(user: Any, jwt: str) -> str:
    seed = bytes(user.seed).decode()
    return (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )


def test_an_exchange_is_known_by_its_credentials(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    operator = key_pair(nkeys.PREFIX_BYTE_OPERATOR)
    account, user = key_pair(nkeys.PREFIX_BYTE_ACCOUNT), key_pair(nkeys.PREFIX_BYTE_USER)
    most = dict.fromkeys(("subs", "conn", "leaf", "imports", "exports", "data", "payload"), -1)
    of_operator = signed({}, operator, operator, "operator")
    of_account = signed({"limits": {**most, "wildcards": True}}, account, operator, "account")
    of_user = signed({"subs": -1, "data": -1, "payload": -1}, user, account, "user")
    settings = (
        f"operator: {of_operator}\nresolver: MEMORY\n"
        f"resolver_preload: {{ {account.public_key.decode()}: {of_account} }}"
    )
    file = tmp_path / "user.creds"
    file.write_text(credentials(user, of_user))
    with nats_server(tmp_path, settings) as server:
        with serve(publish=server.url):
            assert wait_until(lambda: "Authorization Violation" in caplog.text)
        with serve(publish=server.url, publish_credentials=file) as exchange:
            assert wait_until(lambda: is_connected(exchange.url))
    assert bytes(user.seed).decode() not in caplog.text


def is_connected(url: str) -> bool:
    with urllib.request.urlopen(f"{url}/metrics") as answer:
        return b"disorderbook_nats_connected 1.0" in answer.read()


def test_a_file_that_holds_none_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(CannotStart, match="holds no NATS credentials"):
        with serve(publish="nats://127.0.0.1:1", publish_credentials=tmp_path / "empty"):
            pass


def test_nothing_is_proved_to_a_server_without_tls_unless_the_url_allows(tmp_path: Path) -> None:
    file = tmp_path / "user.creds"
    file.write_text(credentials(key_pair(nkeys.PREFIX_BYTE_USER), "a.b.c"))
    sent = json.loads(asyncio.run(sent_in_the_clear("nats", file)).split(b"\r\n")[0][8:])
    assert sent["jwt"] == "a.b.c" and len(base64.b64decode(sent["sig"])) == 64
    assert not {"user", "pass", "auth_token"} & set(sent)
    assert asyncio.run(sent_in_the_clear("tls", file)) == b""


async def sent_in_the_clear(scheme: str, file: Path) -> bytes:
    """All that a server without TLS hears from one that has credentials."""
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"nonce": "abc", "max_payload": 1024}\r\n')
        line = await reader.readline()
        writer.write(b"PONG\r\n")
        heard.set_result(line + await reader.read())
        writer.close()

    async def ignore(_: Exception) -> None:
        pass

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        access = nats_access(f"{scheme}://127.0.0.1:{port}")._replace(credentials=str(file))
        try:
            await abort(await connect(access, ignore, ignore))
        except ConnectionError as fault:
            assert "does not offer TLS" in str(fault)
        return await asyncio.wait_for(heard, 5)
