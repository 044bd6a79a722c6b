"""A certificate that the class's own machine signs, made by the program openssl.

The rule: no cryptography here. Nobody's program trusts such a certificate by itself, so its
fingerprint stands on the cards, where the one that arrived can be compared with it.
"""

import hashlib
import shutil
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path

from disorderbook.server.origin import is_address

DAYS = 365
PATIENCE = 60  # seconds for openssl
HOW_TO_GET_IT = (
    "--tls needs the program openssl, which makes the certificate. To get it: sudo apt install"
    " openssl (Debian, Ubuntu), brew install openssl (macOS)"
)


def make_certificate(hosts: Sequence[str], certificate: Path, key: Path) -> None:
    """Write both files for these names and addresses, which must be new. Raises ValueError with a
    sentence if openssl is missing or refuses, OSError for what cannot be written.
    """
    program = shutil.which("openssl")
    if program is None:
        raise ValueError(HOW_TO_GET_IT)
    names = ",".join(
        f"IP:{host.strip('[]')}" if is_address(host) else f"DNS:{host}"
        for host in dict.fromkeys((*hosts, "localhost", "127.0.0.1"))
    )
    command = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256"]
    command += ["-days", str(DAYS), "-subj", "/CN=disorderBook class"]
    command += ["-addext", f"subjectAltName={names}", "-out", str(certificate), "-keyout", str(key)]
    ended = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=PATIENCE,
        check=False,
    )
    if ended.returncode != 0:
        said = " ".join(ended.stderr.split())[-200:]
        raise ValueError(f"openssl made no certificate: {said}")


def fingerprint(certificate: Path) -> str:
    """SHA-256 of a PEM file's certificate, as openssl and browsers write it. Raises OSError, or
    ValueError if it is none.
    """
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text(encoding="ascii"))
    return hashlib.sha256(der).digest().hex(":").upper()
