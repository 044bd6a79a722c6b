"""How the project is built: imports go down, every module has its test, the documents are complete,
and the linter and the type checker have nothing to say.
"""

import ast
import functools
import re
import shutil
import subprocess
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from disorderbook.admin.routes import ADMIN_ROUTES
from disorderbook.api.services import ROUTES
from disorderbook.cli.main import make_parser
from disorderbook.control.fault_routes import FAULT_ROUTES
from disorderbook.control.journal_routes import JOURNAL_ROUTES
from disorderbook.control.routes import CONTROL_ROUTES
from disorderbook.in_process import serve
from disorderbook.site.routes import PARTS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "disorderbook"
MODULES = sorted(PACKAGE.rglob("*.py"))
SCRIPTS = sorted((PACKAGE / "site" / "static").glob("*.js"))
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
OPTIONS = (ROOT / "docs" / "options.md").read_text()

# Imports go down: a module may import from its own package, and from the layers above it here. An
# entry with a dot is a module that stands in another layer than the rest of its package.
LAYERS = [
    {"protocol.names", "__version__"},
    {"errors", "options", "process", "client", "rules.market"},
    {"engine", "server"},
    {"protocol"},
    {"accounts", "ledger.base", "rules"},
    {"exchange"},
    {"ledger", "marketdata", "traders"},
    {"game"},
    {"timeline"},
    {"control"},
    {"admin"},
    {"tape", "site"},
    {"nats"},
    {"api"},
    {"assembly"},
    {"in_process"},
    {"lab"},
    {"runner", "classroom"},
    {"pytest_plugin", "cli"},
    {"__main__"},
]
# These import nothing else of ours, so that they could be taken alone.
MAY_IMPORT = {
    "client": set(),
    "process": {"protocol.names"},
    "server": {"process", "protocol.names", "errors"},
    "engine": {"rules.market"},
    "traders": {"engine", "protocol.names"},
    "runner": {"client", "engine", "process", "traders"},
}
BOTS_MAY_IMPORT = {"traders", "client", "runner"}
ENGINE_MAY_IMPORT = {
    "array",
    "bisect",
    "collections",
    "enum",
    "msgspec",
    "sortedcontainers",
    "disorderbook",
}
VAGUE_NAMES = {"common", "core", "helper", "helpers", "manager", "misc", "tools", "util", "utils"}
NOUNS = {"feed", "ranking", "recording", "trading"}  # that end like participles


def module_of(path: Path) -> str:
    """Its name without that of the whole package, such as ledger.base."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@functools.cache
def imports_of(path: Path) -> set[str]:
    """Full names of the modules that a file imports from, wherever in it that stands."""
    names: set[str] = set()
    for node in statements(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in below if is_module(name)}
            names |= modules if len(modules) == len(below) else modules | {node.module}
    return names


def statements(block: ast.AST) -> Iterator[ast.AST]:
    """All below one, none of which stands in an expression."""
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        for node in getattr(block, name, ()):
            yield node
            yield from statements(node)


@functools.cache
def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


def layer_of(module: str) -> int:
    """The number of its layer; that of a module counts for more than that of its package."""
    for name in (module, module.partition(".")[0]):
        for number, layer in enumerate(LAYERS):
            if name in layer:
                return number
    raise AssertionError(f"{module} stands in no layer")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    module = module_of(path)
    if not module:
        return
    package = module.partition(".")[0]
    for name in imports_of(path):
        imported = name.removeprefix("disorderbook").removeprefix(".")
        if not name.startswith("disorderbook") or not imported:
            continue
        other = imported.partition(".")[0]
        allowed = MAY_IMPORT.get(package, {imported})
        if other != package:
            assert imported in allowed or other in allowed, f"{module} imports {imported}"
        is_beside = other == package and layer_of(imported) == layer_of(module)
        assert is_beside or layer_of(imported) < layer_of(module), f"{module} imports {imported}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports that only a type checker follows count as well."""
    imports = {
        f"disorderbook.{module_of(path)}": {
            name for name in imports_of(path) if name.startswith("disorderbook.")
        }
        for path in MODULES
        if module_of(path)
    }
    TopologicalSorter(imports).prepare()  # raises CycleError


def test_the_architecture_page_shows_these_layers() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    names = re.findall(r"^\| (`[^|]*`) \|.*\|$", page.partition("## One order")[0], re.MULTILINE)
    shown = [set(re.findall(r"`([\w.]+)`", row)) for row in names]
    assert shown == [layer - {"__version__"} for layer in LAYERS]
    for path in MODULES:
        layer_of(module_of(path) or "__main__")


@pytest.mark.parametrize("path", sorted((PACKAGE / "engine").glob("*.py")), ids=lambda p: p.name)
def test_the_engine_knows_rules_only(path: Path) -> None:
    assert {name.split(".")[0] for name in imports_of(path)} <= ENGINE_MAY_IMPORT


def test_bots_are_thin_scripts_over_the_runner() -> None:
    for path in (ROOT / "bots").glob("*.py"):
        ours = {name for name in imports_of(path) if name.startswith("disorderbook")}
        stands_alone = path.name in ("stockfighter_minimal.py", "watch_tape.py")
        packages = {name.split(".")[1] for name in ours}
        assert packages <= (set() if stands_alone else BOTS_MAY_IMPORT), path


def test_the_client_knows_the_wire_only_and_little_is_built_on_it() -> None:
    for path in MODULES:
        knows_it = any(name.startswith("disorderbook.client") for name in imports_of(path))
        package = module_of(path).partition(".")[0]
        assert not knows_it or package in ("client", "runner", "lab", "cli", "classroom", ""), path


def test_the_client_can_be_taken_alone(tmp_path: Path) -> None:
    alone = tmp_path / "disorderbook"
    shutil.copytree(PACKAGE / "client", alone / "client")
    (alone / "__init__.py").touch()
    script = "from disorderbook.client import Market; Market('V', 'S', url='https://a.example')"
    subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        check=True,
        timeout=100,
    )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_opens_with_a_sentence_and_has_a_test(path: Path) -> None:
    assert re.match(r'r?"""\S', path.read_text()), "no docstring"
    if path.stem != "__init__":
        mirror = (ROOT / "tests" / path.relative_to(PACKAGE)).parent
        assert list(mirror.glob(f"test_{path.stem}*.py")), "no test"


@pytest.mark.parametrize("name", sorted({path.stem.strip("_") for path in MODULES}))
def test_modules_are_named_by_nouns_that_say_something(name: str) -> None:
    words = name.split("_")
    assert not VAGUE_NAMES & {*words}
    assert words[-1] in NOUNS or not re.search("(ing|ed)$", words[-1])


def test_a_class_name_means_one_thing() -> None:
    """In client, which mirrors the wire for other programs, a name may have another meaning."""
    classes: dict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        if "client" not in path.relative_to(PACKAGE).parts:
            for node in statements(parsed(path)):
                if isinstance(node, ast.ClassDef):
                    classes[node.name].append(module_of(path))
    assert {name: modules for name, modules in classes.items() if len(modules) > 1} == {}


@pytest.mark.parametrize(
    "route",
    [
        *(route for route in ROUTES if route not in PARTS),
        *ADMIN_ROUTES,
        *CONTROL_ROUTES,
        *FAULT_ROUTES,
        *JOURNAL_ROUTES,
    ],
    ids=lambda route: f"{route[0]} {route[1]}",
)
def test_the_documents_name_every_route(route: tuple[str, str, object]) -> None:
    method, path, _ = route
    short = path.replace("<venue>", "V").replace("<symbol>", "S").replace("<account>", "A")
    short = re.sub(r"<\w*id>", "ID", short).replace("<name>", "NAME")
    assert re.search(rf"\| `{method}` .*`{re.escape(short)}`", PROTOCOL), f"{method} {short}"


def test_the_documents_name_every_option() -> None:
    for action in make_parser()._actions:
        for option in action.option_strings:
            assert f"`{option}" in OPTIONS or f"{option}`" in OPTIONS, option
        for command in action.choices or () if action.dest == "command" else ():
            assert f"| `{command}` " in OPTIONS, command


def test_the_documents_name_every_metric_and_no_other() -> None:
    with serve(websockets=True, publish="nats://127.0.0.1:1") as exchange:
        with urllib.request.urlopen(f"{exchange.url}/metrics") as answer:
            told = re.findall(r"^# TYPE (disorderbook_\w+) ", answer.read().decode(), re.MULTILINE)
    assert told and told == re.findall(r"^\| `(disorderbook_\w+)`", OPTIONS, re.MULTILINE)


@pytest.mark.parametrize(
    "command",
    ["ruff check", "ruff format --check", pytest.param("mypy", marks=pytest.mark.slow)],
)
def test_the_checkers_have_nothing_to_say(command: str) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", *command.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_what_a_page_is_waited_for_is_a_function() -> None:
    """A page's policy forbids to evaluate a text, as Playwright does when it looks again."""
    waits = re.compile(r'wait_for_function\(\s*f?"(?!(\(.*?\)|\w+) =>)')
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
    assert [file.name for file in files if waits.search(file.read_text())] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_imports_what_there_is_and_what_it_uses(path: Path) -> None:
    """What is used may be no mere key of an object, and stands in no comment."""
    imports = re.compile(r"^import \{([^}]*)\} from '\./([\w.]+)'$", re.MULTILINE)
    code = re.sub(r"//.*", "", imports.sub("", path.read_text()))
    for names, module in imports.findall(path.read_text()):
        there = (path.parent / module).read_text()
        for name in re.findall(r"[\w$]+", names):
            word = rf"((?<![\w$.])|(?<=\.{{3}})){re.escape(name)}(?![\w$:])"
            exported = rf"^export (async )?(function|const|let|class) {re.escape(name)}(?![\w$])"
            assert re.search(exported, there, re.MULTILINE), f"{module} has no {name}"
            assert re.search(word, code), f"{name} is not used"


def test_what_msgspec_reads_is_known_to_it_before_there_are_threads() -> None:
    """Threads that read a type while another one makes it known would crash the process."""
    late = re.compile(r"\b(?:decode|convert)\([^()]*type=(?!str\b|list\[int)")
    found = {module_of(path) for path in MODULES if late.search(path.read_text())}
    assert found == {"client.results"}, "which does that for its own types"
