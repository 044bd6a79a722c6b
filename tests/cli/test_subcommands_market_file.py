"""The file of a market on the command line: `--export` and `backup`."""

import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from live import running
from program import ROOT, refused, start

from disorderbook.ledger.file import open_ledger


def test_export_writes_the_files_and_ends(tmp_path: Path) -> None:
    database = ["-d", str(tmp_path / "market.db")]
    with running(*database):
        ended = start(*database, "--export", str(tmp_path / "csv"))
    assert ended.returncode == 0 and ended.stdout.startswith("Wrote "), ended
    assert (tmp_path / "csv" / "orders.csv").read_text().startswith("venue,symbol,id,account")
    taken = str(tmp_path / "csv" / "orders.csv")
    assert f"Cannot write to {taken}" in refused(*database, "--export", taken)


def test_backup_copies_a_market_in_use_and_ends(tmp_path: Path) -> None:
    file, copy = str(tmp_path / "market.db"), str(tmp_path / "copy.db")
    with running("-d", file, "-v", "NYSE"):
        ended = start("backup", file, copy)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"Wrote {copy}\n", "")
    with running("-d", copy) as exchange:
        with urllib.request.urlopen(f"{exchange.url}venues/NYSE/stocks") as answer:
            assert answer.status == 200
    assert f"{copy} is there already" in refused("backup", file, copy)
    there = str(tmp_path / "nowhere" / "copy.db")
    assert f"Cannot write to {there}: No such file" in refused("backup", file, there)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "command, within",
    [
        (["backup", "market.db", "copy.db"], "copies.check_rows"),
        (["-d", "market.db", "--export", "."], "copies.write_table"),
    ],
)
def test_what_is_interrupted_does_not_end_as_if_it_had_been_done(
    tmp_path: Path,
    end: signal.Signals,
    command: list[str],
    within: str,
) -> None:
    open_ledger(str(tmp_path / "market.db"))[0].close()
    interrupted = f"""if True:
        import os, sys
        from disorderbook.cli.main import main
        from disorderbook.ledger import copies
        def end(*values):
            list(values[2]) if len(values) > 2 else None
            os.kill(os.getpid(), {end})
        {within} = end
        sys.exit(main({command}))
    """
    ended = subprocess.run(
        [sys.executable, "-c", interrupted],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=20,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "disorderBook: Interrupted before all was written\n"
    assert {path.name for path in tmp_path.iterdir()} == {"market.db", "market.db-lock"}


def test_upgrade_writes_a_new_file_of_an_old_one_and_ends(tmp_path: Path) -> None:
    for name in ("market-0.1.db", "market-0.1.db-wal"):
        shutil.copy(ROOT / "tests" / "ledger" / "data" / name, tmp_path)
    old, new = str(tmp_path / "market-0.1.db"), str(tmp_path / "new.db")
    assert f"`disorderbook upgrade {old} NEW`" in refused("-d", old)
    ended = start("upgrade", old, new)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"Wrote {new}\n", "")
    with running("-d", new) as exchange:
        with urllib.request.urlopen(f"{exchange.url}venues/NYSE/stocks") as answer:
            assert answer.status == 200
    assert f"{new} is there already" in refused("upgrade", old, new)
