"""Runs nginx with a sample of deploy/, changed only where a test must not use the machine's own
ports and folders.
"""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from live import ROOT, Started
from raw_http import wait_until

DEPLOY = ROOT / "deploy"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

MAIN = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/sample.conf;
}}
"""


def require_nginx() -> None:
    """Skip the test where there is no nginx, but not in continuous integration."""
    if NGINX is None:
        assert os.environ.get("CI") != "true", "continuous integration must install nginx"
        pytest.skip("nginx is not installed")


def filled_in(text: str, changes: dict[str, str]) -> str:
    """A sample with each of these replaced; it must be there."""
    for said, real in changes.items():
        assert said in text, f"the sample no longer holds {said}"
        text = text.replace(said, real)
    return text


def to_port(port: int) -> dict[str, str]:
    """The changes that lead to the exchange of this port."""
    return {"127.0.0.1:8000": f"127.0.0.1:{port}"}


@contextmanager
def running_nginx(folder: Path, sample: str, port: int) -> Iterator[Started]:
    """nginx with the text of a sample that listens on this port; its logs are in the folder."""
    (folder / "sample.conf").write_text(sample.replace("/var/log/nginx/", f"{folder}/"))
    (folder / "main.conf").write_text(MAIN.format(folder=folder))
    assert NGINX is not None
    nginx = Started(NGINX, "-e", "stderr", "-p", str(folder), "-c", str(folder / "main.conf"))
    try:
        assert wait_until(lambda: _listens(port)), nginx.log()
        yield nginx
    finally:
        nginx.end()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True
