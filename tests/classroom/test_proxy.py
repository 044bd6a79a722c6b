"""One template makes the samples of deploy/ and the configuration of a class."""

import shutil
import subprocess
from pathlib import Path

import pytest
from nginx import DEPLOY, require_nginx

from disorderbook.classroom.creation import NewClass, make_class
from disorderbook.classroom.proxy import nginx_command, nginx_program, samples


@pytest.mark.parametrize("name", samples())
def test_the_samples_are_what_the_template_makes(name: str) -> None:
    assert (DEPLOY / name).read_text() == samples()[name]


@pytest.mark.parametrize("tls", [False, True])
def test_nginx_takes_the_configuration_of_a_class(tmp_path: Path, tls: bool) -> None:
    require_nginx()
    folder = tmp_path / 'a class; "of" $mine'  # as a folder may be called
    make_class(folder, NewClass(["ADA"], ["192.0.2.1"], tls=tls))
    program = nginx_program()
    assert program is not None
    command = [*nginx_command(program), "-t"]
    tried = subprocess.run(
        command, cwd=folder / "nginx", capture_output=True, text=True, check=False
    )
    assert "test is successful" in tried.stderr, tried.stderr
    assert "warn" not in tried.stderr
    text = (folder / "nginx" / "nginx.conf").read_text()
    assert ("(api/v1/)?admin" in text) is not tls  # a key that is sent in the clear is refused


def test_nginx_may_be_where_only_root_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert nginx_program() == shutil.which("nginx", path="/usr/sbin")
