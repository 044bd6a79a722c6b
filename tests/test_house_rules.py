"""How the project is built: imports go down, every module has its test, the README is complete,
and the linter and the type checker have nothing to say.
"""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from disorderbook.options import make_parser
from disorderbook.rest.routes import ROUTES

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "disorderbook"
MODULES = sorted(PACKAGE.rglob("*.py"))
README = (ROOT / "README.md").read_text()

# A room may import from the rooms of lower floors, and from its own.
FLOORS = [
    {
        "errors", "origin", "request_head", "collector", "descriptors", "logs", "sockets", "turn",
        "spreadsheet", "client", "threads", "__version__", "forks",
    },
    {"engine"},
    {
        "memory", "exchange", "accounts", "accounts_file", "parsing", "history", "messages",
        "scores", "watching", "gamemaster", "ledger",
    },
    {"docs"},
    {"rest", "tape"},
    {"__main__", "cli", "options", "ports_file", "wiring", "hosting", "pytest_plugin"},
]
# These floors read from left to right.
WITHIN_A_FLOOR = {
    "forks": {"sockets"}, "origin": {"errors"}, "request_head": {"errors"},
    "exchange": {"memory"}, "parsing": {"exchange"}, "accounts": {"exchange"},
    "accounts_file": {"accounts"},
    "messages": {"exchange", "gamemaster"},
    "scores": {"messages"}, "watching": {"exchange", "history", "messages"},
    "ledger": {"messages", "gamemaster"}, "cli": {"options", "ports_file", "wiring"},
    "__main__": {"cli"}, "ports_file": {"wiring"},
    "options": {"wiring"}, "hosting": {"wiring"}, "pytest_plugin": {"hosting"},
}
ENGINE_MAY_IMPORT = {"array", "collections", "enum", "msgspec", "sortedcontainers", "disorderbook"}
VAGUE_NAMES = {"utils", "common", "helpers", "manager", "base"}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Full names of the modules that a file imports from."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
            if node.module == "disorderbook":
                names |= {f"disorderbook.{alias.name}" for alias in node.names}
    return names


def floor_of(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    for name in imports_of(path):
        if not name.startswith("disorderbook."):
            continue
        imported = name.split(".")[1]
        allowed = imported == room or imported in WITHIN_A_FLOOR.get(room, ())
        assert allowed or floor_of(imported) < floor_of(room), f"{room} imports {imported}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "engine").glob("*.py")), ids=lambda p: p.name)
def test_the_engine_knows_rules_only(path: Path) -> None:
    assert {name.split(".")[0] for name in imports_of(path)} <= ENGINE_MAY_IMPORT


def test_bots_know_the_wire_only() -> None:
    for path in (ROOT / "bots").glob("*.py"):
        assert not any(name.startswith("disorderbook") for name in imports_of(path)), path


def test_the_client_knows_the_wire_only_and_nothing_is_built_on_it() -> None:
    for path in MODULES:
        knows_it = any(name.startswith("disorderbook.client") for name in imports_of(path))
        assert not knows_it or room_of(path) in ("client", "__init__"), path


def test_the_client_can_be_taken_alone(tmp_path: Path) -> None:
    alone = tmp_path / "disorderbook"
    shutil.copytree(PACKAGE / "client", alone / "client")
    (alone / "__init__.py").touch()
    script = "from disorderbook.client import Market; Market('V', 'S', url='https://a.example')"
    subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)},
        check=True, timeout=100,
    )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_opens_with_a_sentence_and_has_a_test(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "no docstring"
    assert path.stem not in VAGUE_NAMES
    if path.stem != "__init__":
        mirror = ROOT / "tests" / path.relative_to(PACKAGE)
        assert mirror.with_stem(f"test_{path.stem}").exists(), "no test"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route[0]} {route[1]}")
def test_the_readme_names_every_route(route: tuple[str, str, object]) -> None:
    method, path, _ = route
    short = path.replace("<venue>", "V").replace("<symbol>", "S").replace("<account>", "A")
    short = re.sub(r"<\w*id>", "ID", short).replace("<name>", "NAME")
    assert re.search(rf"\| `{method}` .*`{re.escape(short)}`", README), f"{method} {short}"


def test_the_readme_names_every_option() -> None:
    for action in make_parser()._actions:
        for option in action.option_strings:
            assert f"`{option}" in README or f"{option}`" in README, option
        for command in action.choices or () if action.dest == "command" else ():
            assert f"| `{command}` " in README, command


@pytest.mark.parametrize("tool", ["flake8", "mypy"])
def test_the_checkers_have_nothing_to_say(tool: str) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", tool], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
