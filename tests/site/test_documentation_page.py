"""The page at /docs: every line of it that can be copied does what the page promises."""

import argparse
import ast
import functools
import json
import os
import re
import shlex
import shutil
import subprocess
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import requests
from live import running
from reading import Element, Page
from wsgi import KEYS, Client

from disorderbook.api.app import ROUTES, make_app
from disorderbook.control.fault_routes import FAULT_ROUTES
from disorderbook.control.journal_routes import JOURNAL_ROUTES
from disorderbook.control.routes import CONTROL_ROUTES
from disorderbook.protocol.route import Route
from disorderbook.site.description import Description, Operation, description_text
from disorderbook.site.documentation import docs_page
from disorderbook.site.examples import Setup, form_of, python_literal
from disorderbook.site.routes import CONTROL_PAGE, PARTS

ACCOUNTS = str(Path(__file__).parents[2] / "accounts.json")
MINE = {
    "YOUR_ACCOUNT": "NOISEBOTS",
    "YOUR_KEY": KEYS["NOISEBOTS"],
    "ADMIN_KEY": "the ädmin's key".replace("'", r"'\''"),
}
SETUP = Setup("TESTEX", "FOOBAR", needs_keys=False, extra=False)
CONTROLLED = SETUP._replace(has_control=True)
EVERY_CONTROL_ROUTE = [*CONTROL_ROUTES, *JOURNAL_ROUTES, *FAULT_ROUTES, *CONTROL_PAGE]
DESCRIPTION = Description(description_text(has_control=True))
OPERATIONS = {operation.id: operation for operation in DESCRIPTION.operations()}
PATIENCE = 20  # seconds


@functools.cache
def page_of(host: str = "127.0.0.1:8000", setup: Setup = SETUP) -> Page:
    return Page(docs_page(host, setup))


def calls_of(page: Page) -> list[Element]:
    """Each line with its Python and with what the page promises for them."""
    return list(page.root.all("div", "call"))


class Shell:
    """Runs the lines of the page as they stand, in a shell whose curl tells the status too."""

    def __init__(self, home: Path) -> None:
        told = r"\n%{http_code} %{content_type}"
        (home / ".curlrc").write_text(f'silent\nshow-error\nmax-time = 10\nwrite-out = "{told}"\n')
        self._environment = {"PATH": os.environ["PATH"], "CURL_HOME": str(home)}

    def __call__(self, line: str) -> tuple[str, str, str]:
        """Status, content type and body."""
        ended = subprocess.run(
            ["sh", "-c", line],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        body, _, told = ended.stdout.rpartition("\n")
        status, kind = told.split(" ", 1)
        return status, kind.split(";")[0], body


CURL = argparse.ArgumentParser()
CURL.add_argument("-X", dest="method")
CURL.add_argument("-H", dest="headers", action="append", default=[])
CURL.add_argument("-d", dest="body")
CURL.add_argument("url")


class AsCurl:
    """Sends what curl would, for lines with nothing in them that only a shell or curl could read
    otherwise; that costs a tenth of a process.
    """

    def __init__(self, _: Path) -> None:
        self._session = requests.Session()

    def __call__(self, line: str) -> tuple[str, str, str]:
        """As a Shell's."""
        name, *words = shlex.split(line.replace("\\\n", ""))
        assert name == "curl"
        asked = CURL.parse_args(words)
        method = asked.method or ("POST" if asked.body else "GET")
        headers = dict(header.encode().split(b": ", 1) for header in asked.headers)
        body = asked.body and asked.body.encode()
        answer = self._session.request(
            method, asked.url, headers=headers, data=body, timeout=PATIENCE
        )
        kind = answer.headers.get("Content-Type", "").split(";")[0]
        return str(answer.status_code), kind, answer.content.decode()


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--extra", "-d", "MARKET_FILE", "--control", "--websockets", "--wsport", "0"),
        ("-a", ACCOUNTS),
        ("-a", ACCOUNTS, "--extra", "--control", "--admin-key-file", "KEY_FILE"),
        (
            "-v",
            "B&B \"'",
            "-s",
            "<$S>",
            "--clock",
            "stepped",
            "--control",
            "--admin-key-file",
            "KEY_FILE",
        ),
    ],
    ids=" ".join,
)
@pytest.mark.slow
def test_every_curl_line_does_what_the_page_promises(
    options: tuple[str, ...],
    tmp_path: Path,
) -> None:
    has_real_ones = "--admin-key-file" in options  # keys and names that need quoting
    shell = Shell(tmp_path) if has_real_ones else AsCurl(tmp_path)
    named = {"KEY_FILE": str(tmp_path / "admin.key"), "MARKET_FILE": str(tmp_path / "market.db")}
    named[ACCOUNTS] = shutil.copy(ACCOUNTS, tmp_path)  # the admin changes it
    Path(named["KEY_FILE"]).write_text("the ädmin's key\n", "utf-8")
    with running(*(named.get(option, option) for option in options)) as exchange:
        address = f"http://127.0.0.1:{exchange.port}/docs"
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
            page = Page(answer.read().decode())
        blocks = calls_of(page)
        routes = [*ROUTES, *EVERY_CONTROL_ROUTE * ("--control" in options)]
        assert len(blocks) > sum(is_explained(route) for route in routes)
        for block in blocks:
            line = block.first("pre", "curl").text
            for placeholder, mine in MINE.items():
                line = line.replace(placeholder, mine)
            status, kind, body = shell(line)
            assert [status, kind] == promise_of(block), (line, body)
            check_shape(page, block, status, kind, body)


def promise_of(block: Element) -> list[str]:
    """The status and content type that the page promises for a line."""
    return [b.text for b in block.first("p", "promise").all("b")]


def is_explained(route: Route) -> bool:
    """Whether programs have a use for it: a page for people is only linked."""
    method, path, _ = route
    operation = next((o for o in OPERATIONS.values() if is_of(o, method, path)), None)
    return operation is not None and operation.tag != "pages"


def is_of(operation: Operation, method: str, path: str) -> bool:
    return (operation.method, shape(operation.path)) == (method, shape(path))


def shape(path: str) -> str:
    """A path with nothing for each of its names, whatever they are called."""
    return re.sub(r"<\w+>|\{\w+\}", "{}", path).rstrip("/")


def article_of(block: Element) -> Element | None:
    """The article that a line stands in; that of the unknown path stands in none."""
    around = block.parent
    while around is not None and around.tag not in ("article", "section"):
        around = around.parent
    return around


def check_shape(page: Page, block: Element, status: str, kind: str, body: str) -> None:
    """The answer is what the page says of it, and what the description says."""
    around = article_of(block)
    assert around is not None
    told = json.loads(body) if kind == "application/json" else body
    operation = OPERATIONS.get(around.attributes["id"])
    if operation:
        schema = operation.responses[status]["content"][kind]["schema"]
        validator(json.dumps(schema)).validate(told)
    if status != "200":
        assert told.keys() == {"ok", "error"} and told["ok"] is False
        assert told["error"] in [code.text for code in around.all("code")]
    elif kind == "application/json":
        check_fields(page, told, table_of_answer(page, around, told))


@functools.cache
def validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    components = DESCRIPTION.document["components"]
    return jsonschema_rs.Draft202012Validator(json.loads(schema) | {"components": components})


def table_of_answer(page: Page, article: Element, told: dict[str, Any]) -> Element:
    """Where the page explains the JSON that a route answers: linked, or in the article itself. Of
    several objects that it may be, the one whose fields are there.
    """
    for paragraph in article.all("p"):
        if "fields: " in paragraph.text:
            links = [link.attributes["href"][1:] for link in paragraph.all("a")]
            tables = [page.ids[name].first("table") for name in links]
            return next(table for table in tables if needed_fields(table) <= told.keys())
    return article.first("table")


def needed_fields(table: Element) -> set[str]:
    rows = table.first("tbody").all("tr")
    return {row.first("th").text for row in rows if "optional" not in row.first("td").text}


def check_fields(page: Page, value: dict[str, Any], table: Element, before: str = "") -> None:
    """Every field of an answer is explained, and what is not optional is there."""
    rows = {row.first("th").text: list(row.all("td"))[0] for row in table.first("tbody").all("tr")}
    for name, kind in rows.items():
        inner = name.removeprefix(before)
        if name.startswith(before) and not re.search(r"[.\[]", inner):
            assert inner in value or "optional" in kind.text, name
    for name, member in value.items():
        assert before + name in rows, f"{before + name} is not explained"
        links = list(rows[before + name].all("a"))
        if links:
            linked = page.ids[links[0].attributes["href"][1:]].first("table")
            for item in member if isinstance(member, list) else [member]:
                check_fields(page, item, linked)
        elif any(row.startswith((f"{before}{name}.", f"{before}{name}[]")) for row in rows):
            many = isinstance(member, list)
            for item in member if many else [member]:
                check_fields(page, item, table, f"{before}{name}{'[]' * many}.")


def test_every_python_example_does_what_the_page_promises(tmp_path: Path) -> None:
    """In the page's order, on an exchange of its own, as somebody's program would."""
    (tmp_path / "admin.key").write_text("the ädmin's key\n", "utf-8")
    key_file = str(tmp_path / "admin.key")
    accounts = shutil.copy(ACCOUNTS, tmp_path)  # the admin changes it
    options = ("-a", accounts, "--extra", "--control", "--admin-key-file", key_file)
    with running(*options) as exchange, requests.Session() as session:
        address = f"http://127.0.0.1:{exchange.port}/docs"
        page = Page(session.get(address, timeout=PATIENCE).text)
        for block in calls_of(page):
            code = block.first("pre", "python").text
            for placeholder, mine in MINE.items():
                code = code.replace(placeholder, mine.replace(r"'\''", "'"))
            printed: list[object] = []
            names: dict[str, Any] = {"print": lambda *words: printed.append(words)}
            exec(code.replace("import requests", ""), names | {"requests": session}, names)
            answer = names["answer"]
            kind = answer.headers["Content-Type"].split(";")[0]
            assert [str(answer.status_code), kind] == promise_of(block), (code, answer.text)
            assert printed == [(answer.status_code, answer.text)]


@pytest.mark.parametrize(
    "value",
    [{"a": True, "b": [None, 1.5, {"c": "é\"'"}]}, [], {"x" * 50: ["y" * 50, 2]}, "z", False],
)
def test_json_is_spelled_as_python_spells_it(value: Any) -> None:
    assert ast.literal_eval(python_literal(value)) == value


@pytest.mark.parametrize(
    "route",
    [*(route for route in ROUTES if route not in PARTS), *EVERY_CONTROL_ROUTE],
    ids=lambda route: f"{route[0]} {route[1]}",
)
def test_the_page_explains_every_route(route: Route) -> None:
    page, (method, path, _) = page_of(setup=CONTROLLED), route
    (operation,) = [o for o in OPERATIONS.values() if is_of(o, method, path)]
    place = page.ids[operation.id]
    if operation.tag == "pages":
        assert place.first("code").text == operation.path
    else:
        assert shape(place.first("h3").text) == f"{method} {shape(path)}"
        assert list(place.all("div", "call"))


def test_the_scripts_of_the_pages_are_no_routes_of_the_interface() -> None:
    assert not [o for o in OPERATIONS.values() if o.path.startswith("/static/")]
    assert "/static/" not in page_of(setup=CONTROLLED).root.first("main").text


def test_the_page_sends_what_reads_and_orders_and_nothing_else() -> None:
    keyed = CONTROLLED._replace(needs_keys=True, has_admin_key=True)
    for operation in OPERATIONS.values():
        form = form_of(operation, keyed)
        reads, trades = operation.method == "GET", operation.tag == "orders"
        assert (form is not None) == ((reads or trades) and operation.tag != "pages")
        if form is not None:
            path = form["path"]
            for name in form["names"]:
                path = path.replace(f"{{{name['name']}}}", "")
                assert name["value"] or name["in"] != "path"
            assert "{" not in path and "KEY" not in path
    form = form_of(OPERATIONS["placeOrder"], keyed)
    assert form is not None and form["key"] == "YOUR_KEY"
    assert form["body"]["account"] == "YOUR_ACCOUNT"


def test_everything_but_the_first_words_is_folded() -> None:
    page = page_of(setup=CONTROLLED)
    main = page.ids["content"]
    assert not [d for d in main.all("details") if "open" in d.attributes]
    for article in main.all("article"):
        children = [c for c in article.children if isinstance(c, Element)]
        assert [child.tag for child in children] == ["a", "details"]
        assert children[0].attributes["href"] == f"#{article.attributes['id']}"


def test_every_link_leads_somewhere() -> None:
    page, client = page_of(), Client()
    targets = {link.attributes["href"] for link in page.root.all("a")}
    for target in targets:
        if target.startswith("#"):
            assert target[1:] in page.ids, target
        else:
            assert client("GET", target).status == 200


def test_everything_with_a_heading_is_in_the_contents() -> None:
    page = page_of()
    contents = page.root.first("nav", "contents")
    listed = {link.attributes["href"][1:] for link in contents.all("a")}
    main = page.ids["content"]
    headed = {e.attributes["id"] for tag in ("section", "article") for e in main.all(tag)}
    assert headed - listed == {name for name in headed if name.startswith("schema-")}


def test_the_page_asks_no_other_host_for_anything() -> None:
    text = docs_page("127.0.0.1:8000", SETUP)
    assert not re.search(r"<(img|iframe|object|embed|form|base|source|style)\b", text)
    assert not re.search(r"<script(?! [^>]*src=)|\son\w+=", text)
    for part in ("documentation.css", "documentation.js", "lines.js", "reading.js", "search.js"):
        served = Client()("GET", f"/static/{part}").body.decode()
        assert not re.search(r"@import|url\(|https?://", served)
    for tag in ("script", "link", "a"):
        for element in Page(text).root.all(tag):
            loaded = element.attributes.get("src") or element.attributes.get("href", "#")
            assert loaded.startswith(("#", "/", "data:")) and not loaded.startswith("//")
    shown = Page(text).root.first("main").text
    hosts = set(re.findall(r"(?:https?|wss?):/*([\w.:-]+)", shown))
    # The last one stands in the example of an accusation.
    assert hosts == {"127.0.0.1:8000", "evidence.example"}


@pytest.mark.parametrize(
    "host, shown",
    [
        ("localhost:80", "localhost:80"),
        ("[::1]:8000", "[::1]:8000"),
        ("exchange.example", "exchange.example"),
        ("", "127.0.0.1:8000"),
        ("<script>", "127.0.0.1:8000"),
        ("a'; rm -rf ~; '", "127.0.0.1:8000"),
        ("$(reboot)", "127.0.0.1:8000"),
    ],
)
def test_the_lines_call_the_host_that_the_client_called(host: str, shown: str) -> None:
    text = page_of(host).root.text
    assert f"curl 'http://{shown}/ob/api/heartbeat'" in text
    assert f"ws://{shown}/ob/api/ws/ME/venues/TESTEX/tickertape" in text


def test_names_are_escaped() -> None:
    odd = SETUP._replace(venue="<script>alert(1)</script>", symbol="\0\1")
    assert "<script>alert" not in docs_page("127.0.0.1:8000", odd)
    assert Page(docs_page("127.0.0.1:8000", odd))


def test_the_page_is_about_the_exchange_that_serves_it() -> None:
    pages = [
        client("GET", "/docs", headers={"Host": "10.0.0.7:1"}).body.decode()
        for client in (
            Client(),
            Client(extra=True),
            Client(keys=KEYS),
            Client("NYSE", "ACME"),
        )
    ]
    assert len(set(pages)) == 4
    refusing = "started without --extra, so it refuses"
    assert refusing in pages[0] and refusing not in pages[1]
    keyless, keyed = (Page(pages[number]).root.first("main").text for number in (0, 2))
    assert "YOUR_KEY" not in keyless and "YOUR_KEY" in keyed
    assert "http://10.0.0.7:1</span>/ob/api/venues/NYSE/stocks/ACME" in pages[3]
    assert not any(key in page for key in KEYS.values() for page in pages)


def test_what_controls_the_market_is_explained_where_it_can_be_done() -> None:
    client = Client()
    assert "control" not in client("GET", "/docs").body.decode().lower()
    client.app = make_app(replace(Client().services, has_control=True))
    assert "/api/v1/control/reset" in Page(client("GET", "/docs").body.decode()).root.text
    assert client("GET", "/openapi.json").body == description_text(has_control=True)


def test_the_websockets_are_where_the_exchange_has_them() -> None:
    services = replace(Client().services, tape_port=9001)
    client = Client()
    client.app = make_app(services)
    text = client("GET", "/docs", headers={"Host": "10.0.0.7:1"}).body.decode()
    assert "on this port, and on port 9001" in " ".join(Page(text).root.text.split())


def test_the_page_is_for_every_screen_and_reader() -> None:
    text = docs_page("127.0.0.1:8000", SETUP)
    page = Page(text)
    assert 'name="viewport"' in text and 'name="color-scheme" content="light dark"' in text
    assert page.root.first("html").attributes["lang"] == "en"
    assert page.root.first("a", "skip").attributes["href"] == "#content"
    assert len(list(page.root.all("main"))) == len(list(page.root.all("h1"))) == 1
    names = [call.attributes["data-name"] for call in calls_of(page)]
    assert len(set(names)) == len(names) and not list(page.root.all("button"))


def test_only_who_needs_a_key_is_asked_for_one() -> None:
    assert "mine" not in page_of().ids
    keyed = SETUP._replace(needs_keys=True)
    for setup, asked in (
        (keyed, ["Account", "Key"]),
        (SETUP._replace(has_admin_key=True), ["Admin's key"]),
        (keyed._replace(has_admin_key=True), ["Account", "Key", "Admin's key"]),
    ):
        fields = list(page_of(setup=setup).ids["mine"].all("input"))
        assert [field.within("label").text.strip() for field in fields] == asked
    assert [field.attributes["data-stands-for"] for field in fields] == list(MINE)
