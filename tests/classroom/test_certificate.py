"""Certificates that openssl makes, and their fingerprints."""

import ssl
import subprocess
from pathlib import Path

import pytest

from disorderbook.classroom import certificate
from disorderbook.classroom.certificate import fingerprint, make_certificate


def test_a_certificate_is_for_its_hosts_and_has_the_fingerprint_that_openssl_tells(
    tmp_path: Path,
) -> None:
    pem, key = tmp_path / "class.pem", tmp_path / "class.key"
    make_certificate(["exchange.example", "192.0.2.1", "[::1]"], pem, key)
    shown = subprocess.run(
        [
            "openssl",
            "x509",
            "-in",
            pem,
            "-noout",
            "-fingerprint",
            "-sha256",
            "-ext",
            "subjectAltName",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"Fingerprint={fingerprint(pem)}\n" in shown
    for name in ("DNS:exchange.example", "IP Address:192.0.2.1", "DNS:localhost", "IP Address:0:"):
        assert name in shown
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pem, key)


def test_without_openssl_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificate.shutil, "which", lambda _: None)
    with pytest.raises(ValueError, match="apt install openssl"):
        make_certificate(["192.0.2.1"], tmp_path / "a", tmp_path / "b")


def test_what_openssl_refuses_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="openssl made no certificate: "):
        make_certificate(["192.0.2.1"], tmp_path / "none" / "a", tmp_path / "none" / "b")
