"""`python -m disorderbook`."""

import subprocess
import sys
from pathlib import Path

import disorderbook


def test_it_is_the_same_command_from_any_folder(tmp_path: Path) -> None:
    def said(*command: str) -> str:
        ended = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    script = Path(__file__).parent.parent / "disorderBook_main.py"
    assert said("-m", "disorderbook", "--version") == f"disorderBook {disorderbook.__version__}\n"
    assert said("-m", "disorderbook", "--help") == said(str(script), "--help")
