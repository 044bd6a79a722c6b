"""The table of licences says what the installed packages say of themselves."""

import configparser
import re
from importlib.metadata import PackageNotFoundError, metadata, requires

import pytest
from documents import DOCS, ROOT, rows
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TABLE = {row[0]: row[1:] for row in rows((DOCS / "licences.md").read_text(), 3)}
# What packages write that have no licence expression, as SPDX has it.
SPDX = {
    "Apache Software License": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-based",
    "Zope Public License": "ZPL-2.1",
}


def wanted() -> dict[str, str]:
    """The packages that setup.cfg names, and what they come with."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = setup["options.extras_require"]
    texts = {"disorderbook": setup["options"]["install_requires"]}
    texts |= {f"`[{name}]`": text for name, text in extras.items() if name != "test"}
    found: dict[str, str] = {}
    for place, text in texts.items():
        for line in text.split("\n"):
            if line.strip():
                found.setdefault(canonicalize_name(Requirement(line).name), place)
    return found


def needs_of(package: str) -> set[str]:
    """What it needs itself here."""
    needs = map(Requirement, requires(package) or ())
    here = [need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return {canonicalize_name(need.name) for need in here}


def licences(text: str) -> set[str]:
    return set(re.split(r" AND | OR ", text))


def said(package: str) -> set[str]:
    """The licences that a package's own metadata names."""
    own = metadata(package)
    if own["License-Expression"]:
        return licences(own["License-Expression"])
    classifiers = [each.split(" :: ")[-1] for each in own.get_all("Classifier") or ()]
    named = {SPDX[each] for each in classifiers if each in SPDX}
    return named or {SPDX.get(own["License"], own["License"])}


def test_the_table_has_each_package_that_is_installed_with_ours() -> None:
    for package, place in wanted().items():
        assert package in TABLE and TABLE[package][0] == place, package
    for package, (place, _) in TABLE.items():
        assert wanted().get(package) == place or package in needs_of(place), package
    listed = [name for name, (place, _) in TABLE.items() if place != "`[notebook]`"]
    assert {need for name in listed for need in needs_of(name)} <= TABLE.keys()


@pytest.mark.parametrize("package", TABLE)
def test_the_licence_is_the_packages_own(package: str) -> None:
    try:
        assert licences(TABLE[package][1]) == said(package)
    except PackageNotFoundError:
        pytest.skip("it is not installed here")
