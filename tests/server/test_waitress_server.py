"""waitress in place of our own server."""

import json
import urllib.request
from pathlib import Path

from ipv6 import needs_ipv6
from live import running
from program import refused


@needs_ipv6
def test_it_has_a_ports_file_and_listens_on_both_addresses(tmp_path: Path) -> None:
    ports = tmp_path / "ports.json"
    with running("--server", "waitress", "--ports-file", str(ports)) as exchange:
        assert json.loads(ports.read_text())["port"] == exchange.port
        url = f"http://[::1]:{exchange.port}/ob/api/heartbeat"
        with urllib.request.urlopen(url, timeout=60) as answer:
            assert json.load(answer) == {"ok": True, "error": ""}


def test_a_port_that_is_taken_is_refused_in_one_sentence() -> None:
    with running() as exchange:
        told = refused("-p", str(exchange.port), "--server", "waitress")
        assert f"Cannot listen on port {exchange.port}: Address already in use\n" in told
