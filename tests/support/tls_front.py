"""An exchange and its tape behind one name and TLS, as nginx puts them, for tests of clients."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from disorderbook.in_process import PrivateExchange

HOST = "127.0.0.1"
TAPE = b"/ob/api/ws/"


class Front(NamedTuple):
    """Where it is, by address; `ca` is the file (PEM) that proves it, `heard` what clients say."""

    port: int
    ca: Path

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"


def make_certificate(folder: Path, name: str = f"IP:{HOST}") -> tuple[Path, Path]:
    """A self-signed certificate for one or more names of this kind, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",  # to draw an RSA key takes twenty times as long
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=exchange",
            "-addext",
            f"subjectAltName={name}",
            "-out",
            str(certificate),
            "-keyout",
            str(key),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@contextmanager
def tls_front(exchange: PrivateExchange, folder: Path, name: str = f"IP:{HOST}") -> Iterator[Front]:
    """TLS in front of an exchange with websockets, with a certificate for this name."""
    certificate, key = make_certificate(folder, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    tape_port = int(exchange.tape_url.rpartition(":")[2])
    with socket.create_server((HOST, 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    plain = listener.accept()[0]
                except OSError:
                    return  # the block has ended
                ports = exchange.port, tape_port
                threading.Thread(target=_serve, args=(context, plain, ports), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield Front(listener.getsockname()[1], certificate)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(60)


def _serve(context: ssl.SSLContext, plain: socket.socket, ports: tuple[int, int]) -> None:
    with suppress(OSError), plain, context.wrap_socket(plain, server_side=True) as client:
        said = client.recv(65536)
        path = said.split(b" ")[1] if said.count(b" ") > 1 else b""
        with socket.create_connection((HOST, ports[path.startswith(TAPE)])) as backend:
            backend.sendall(said)
            back = threading.Thread(target=_pump, args=(backend, client), daemon=True)
            back.start()
            _pump(client, backend)
            backend.shutdown(socket.SHUT_RDWR)
            back.join(60)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while said := source.recv(65536):
            target.sendall(said)
        target.shutdown(socket.SHUT_RDWR)
