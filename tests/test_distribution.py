"""What is built to be passed on: the source with all that belongs to it, and the package."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from live import ROOT

MADE = {"PKG-INFO", "setup.cfg"}  # by the build; the second is written anew


@pytest.fixture(scope="module")
def files() -> set[str]:
    """All that is under version control."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("this is no clone, so nothing says which files there should be")
    return {name for name in listed.stdout.split("\0") if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def built(files: set[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a source distribution and the wheel that is made from it."""
    clean, built = tmp_path_factory.mktemp("clean"), tmp_path_factory.mktemp("built")
    for name in files:
        (clean / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clean / name)
    ended = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(built), str(clean)],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return built


@pytest.mark.slow
def test_the_source_is_complete(files: set[str], built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {each.name.partition("/")[2] for each in opened.getmembers() if each.isfile()}
    names = {name for name in names if not name.startswith("disorderbook.egg-info/")}
    assert names - MADE == files - MADE


def test_the_package_has_its_own_files_and_no_others(files: set[str], built: Path) -> None:
    (archive,) = built.glob("*.whl")
    with zipfile.ZipFile(archive) as opened:
        names = {name for name in opened.namelist() if ".dist-info/" not in name}
    assert names == {name for name in files if name.startswith("disorderbook/")}
