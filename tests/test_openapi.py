"""The description of the protocol, openapi.json, is valid and complete, its examples and the
recorded answers fit it, and no answer of the exchange falls outside it.
"""

import copy
import functools
import itertools
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from examples import examples
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.pytest.lazy import get_all_tests
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from wsgi import KEYS, Client

from disorderbook.accounts import Accounts
from disorderbook.admin.routes import ADMIN_ROUTES
from disorderbook.api.app import INTERNAL_ERROR, ROUTES, SENTENCES, make_app
from disorderbook.assembly import MarketSettings, assemble
from disorderbook.control.fault_routes import FAULT_ROUTES
from disorderbook.control.journal_routes import JOURNAL_ROUTES
from disorderbook.control.routes import CONTROL_ROUTES
from disorderbook.errors import (
    ExchangeError,
    ForeignCancel,
    NoSuchLevel,
    NoSuchVenue,
    NotFoundOfMany,
    VenueClosed,
)
from disorderbook.game.levels import LEVELS
from disorderbook.nats.relay import RelayDisconnected, RelayForbidden, UnpublishedName
from disorderbook.protocol.names import MAX_PRICE, MAX_QUANTITY
from disorderbook.site.description import description_text
from disorderbook.site.routes import ADMIN_PAGE, CONTROL_PAGE, PARTS

TEXT = description_text(has_control=True, has_admin=True).decode()
DOCUMENT = json.loads(TEXT)
UNCONTROLLED_TEXT = description_text().decode()  # without --control and --admin-key-file
UNCONTROLLED = json.loads(UNCONTROLLED_TEXT)
COMPONENTS = DOCUMENT["components"]
METHODS = {"get", "post", "put", "delete"}
OPERATIONS = {
    (method.upper(), path): item[method]
    for path, item in DOCUMENT["paths"].items()
    for method in item
    if method in METHODS
}
CONTROL_OPERATIONS = [
    (method, path) for method, path in OPERATIONS if path not in UNCONTROLLED["paths"]
]
OTHER_OPERATIONS = [operation for operation in OPERATIONS if operation not in CONTROL_OPERATIONS]
EVERY_CONTROL_ROUTE = [
    *ADMIN_ROUTES,
    *ADMIN_PAGE,
    *CONTROL_ROUTES,
    *JOURNAL_ROUTES,
    *FAULT_ROUTES,
    *CONTROL_PAGE,
]
# Answers that belong to no operation.
UNDESCRIBED = {"EncodedBody", "IllegalHost", "NoSuchPath", "WrongMethod"}
TRACES = sorted((Path(__file__).parent / "traces").glob("*.jsonl"))
load_all_checks()
ANY_TIME = "2016-01-17T22:43:07.123456789Z"

CREDENTIALS: list[dict[str, str]] = [
    {},
    {"Cookie": "api_key=wrong"},
    {"X-Stockfighter-Authorization": KEYS["BLSHBOTS"]},
    {"X-Starfighter-Authorization": KEYS["NOISEBOTS"]},  # the account that go_home() uses
]
# How often each request is put to an exchange, of which there are three, with these credentials. An
# operation gets some dozens of requests, so each kind of it meets them all.
TIMES = 6 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 2

BOUNDED = settings(
    examples(0.2),  # beside those that Schemathesis makes of each part of an operation
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CONFORMANCE = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.mark.parametrize("text", [UNCONTROLLED_TEXT, TEXT], ids=["without", "with control"])
def test_the_description_is_a_valid_openapi_3_1_document(text: str) -> None:
    assert json.loads(text)["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(json.loads(text)).validate()


@pytest.mark.parametrize("text", [UNCONTROLLED_TEXT, TEXT], ids=["without", "with control"])
def test_every_component_is_there_and_is_used(text: str) -> None:
    components = json.loads(text)["components"]
    used = set(re.findall(r'"\$ref": "#/components/(\w+)/(\w+)"', text))
    used |= {("responses", name) for name in UNDESCRIBED}
    used |= {("securitySchemes", name) for name in components["securitySchemes"]}
    assert used == {(kind, name) for kind, named in components.items() for name in named}


def has_no_fault_of_its_own(_: Any, response: Any, __: Any) -> None:
    assert response.status_code != 500


# That there is no tape to hold, say, is a 503 which is described.
CONTROL_CONFORMANCE = [has_no_fault_of_its_own, *CONFORMANCE[1:]]


def test_the_description_names_every_route_and_no_other() -> None:
    def shape(path: str) -> str:
        return re.sub(r"<\w+>|\{\w+\}", "{}", path).rstrip("/")

    for operations, routes in (
        (OTHER_OPERATIONS, [route for route in ROUTES if route not in PARTS]),
        (CONTROL_OPERATIONS, EVERY_CONTROL_ROUTE),
    ):
        described = sorted((method, shape(path)) for method, path in operations)
        assert described == sorted((method, shape(path)) for method, path, _ in routes)


def test_what_is_of_control_or_the_admin_is_described_where_there_is_that_alone() -> None:
    tags = [{tag["name"] for tag in document["tags"]} for document in (UNCONTROLLED, DOCUMENT)]
    assert tags[1] - tags[0] == {"control", "admin"}
    for operation, said in OPERATIONS.items():
        is_optional = said["tags"] in (["control"], ["admin"])
        assert is_optional == (operation in CONTROL_OPERATIONS)
    for name, has in (("control", {"has_control": True}), ("admin", {"has_admin": True})):
        paths = json.loads(description_text(**has))["paths"].keys() - UNCONTROLLED["paths"].keys()
        assert paths and all(f"/{name}" in path for path in paths)


def test_the_description_quotes_every_refusal_to_the_letter() -> None:
    quoted = {
        example["value"]["error"]
        for response in COMPONENTS["responses"].values()
        for example in response["content"].get("application/json", {}).get("examples", {}).values()
    }
    made = {  # sentences that name something
        NoSuchVenue("NOWHERE").sentence,
        VenueClosed("TUEX").sentence,
        ForeignCancel("MDG95313976").sentence,
        NotFoundOfMany(9999999, 1005).sentence,
        NoSuchLevel("nowhere", ", ".join(LEVELS)).sentence,
    }
    of_relays = (RelayDisconnected, RelayForbidden, UnpublishedName)  # which have no REST
    refusals = set(sentences(ExchangeError)) - {each.sentence for each in of_relays}
    assert quoted == {*made, INTERNAL_ERROR, *SENTENCES.values(), *refusals}


@pytest.mark.parametrize("method, path", OPERATIONS)
def test_every_operation_is_explained_with_examples(method: str, path: str) -> None:
    operation = OPERATIONS[method, path]
    assert operation["summary"] and operation["description"].endswith(".")
    parts = [operation["requestBody"]] if "requestBody" in operation else []
    for part in parts + [resolved(response) for response in operation["responses"].values()]:
        for content in part["content"].values():
            examples = list(examples_of(content))
            assert examples
            for example in examples:
                validator(content["schema"]).validate(example)


def test_the_examples_of_orders_are_accepted() -> None:
    for (method, path), operation in OPERATIONS.items():
        if "requestBody" in operation and "{venue}" in path:
            url = path.format(venue="TESTEX", symbol="FOOBAR")
            for example in examples_of(operation["requestBody"]["content"]["application/json"]):
                assert Client()(method, url, example).status == 200


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.stem)
def test_recorded_answers_fit_the_description(trace: Path) -> None:
    for line in trace.read_text(encoding="utf-8").splitlines():
        recorded = json.loads(line.replace("<ts>", ANY_TIME))
        asked, answer = recorded["request"], recorded["response"]
        for number, venue in enumerate(answer.get("json", {}).get("venues", ()), start=1):
            venue["id"] = number  # the one key that the server of 2016 did not have
        responses = operation_at(asked["method"], asked["path"])["responses"]
        content = resolved(responses[str(answer["status"])])["content"][answer["type"]]
        validator(content["schema"]).validate(answer.get("json", answer.get("text")))


@pytest.mark.parametrize("path", UNCONTROLLED["paths"])
def test_a_method_that_is_not_described_is_refused_as_described(path: str) -> None:
    names = dict(venue="V", symbol="S", account="A", orderId=0, level="L", instanceId=1)
    answer = Client()("PUT", path.format(**names))
    assert answer.status == 405
    methods = {method for method, described in OPERATIONS if described == path}
    assert methods <= set(answer.headers["Allow"].split(","))
    content = COMPONENTS["responses"]["WrongMethod"]["content"][answer.type]
    validator(content["schema"]).validate(answer.json)


def test_a_path_that_is_not_described_is_answered_as_described() -> None:
    answer = Client()("GET", "/ob/api/nowhere")
    assert answer.status == 404
    content = COMPONENTS["responses"]["NoSuchPath"]["content"][answer.type]
    validator(content["schema"]).validate(answer.json)


def described(client: Any, document: dict[str, Any]) -> Any:
    """The description, ready to put requests to a client's exchange."""
    description = schemathesis.openapi.from_dict(copy.deepcopy(document))
    description.config.phases.examples.enabled = False  # others try the examples as they stand
    description.app = client.app
    return description


@pytest.fixture(scope="module")
def open_server() -> Client:
    return Client(extra=True, max_books=10**6)


@pytest.fixture(scope="module")
def server_with_keys() -> Client:
    return Client(extra=True, max_books=20, keys=KEYS)


@pytest.fixture(scope="module")
def server_without_extras() -> Client:
    return Client()


@pytest.fixture(scope="module")
def server_with_control() -> Iterator[Client]:
    settings = MarketSettings(has_control=True, admin_key="adminkey")
    with assemble(settings, Accounts()) as services:
        client = Client()
        client.app = make_app(services)
        yield client


@pytest.mark.slow
@pytest.mark.parametrize("operation", CONTROL_OPERATIONS, ids=" ".join)
def test_no_answer_of_control_is_outside_the_description(
    operation: tuple[str, str], server_with_control: Client
) -> None:
    def test(case: Any) -> None:
        headers = {"X-Starfighter-Authorization": "adminkey"}
        app = server_with_control.app
        case.call_and_validate(checks=CONTROL_CONFORMANCE, app=app, headers=headers)

    run_with_requests(test, server_with_control, operation)


@pytest.mark.slow
@pytest.mark.parametrize("operation", OTHER_OPERATIONS, ids=" ".join)
def test_no_answer_is_outside_the_description(
    operation: tuple[str, str],
    open_server: Client,
    server_with_keys: Client,
    server_without_extras: Client,
) -> None:
    """Each request is put to the open server, and to the next of the others in turn."""

    def as_made(case: Any) -> None:
        case.call_and_validate(checks=CONFORMANCE, app=server_with_keys.app)

    def at_home(case: Any, headers: dict[str, str]) -> None:
        go_home(case)
        case.call_and_validate(checks=CONFORMANCE, headers=headers, app=server_with_keys.app)

    def without_extras(case: Any) -> None:
        go_home(case)
        case.call_and_validate(checks=CONFORMANCE, app=server_without_extras.app)

    keyed = [functools.partial(at_home, headers=headers) for headers in CREDENTIALS]
    others = [as_made, *keyed, without_extras]
    turns = itertools.cycle(others)

    def test(case: Any) -> None:
        made = copy.deepcopy((case.path_parameters, case.body, case.headers))
        what_fits_is_accepted_and_what_does_not_is_refused(case, open_server)
        for put in itertools.islice(turns, TIMES):
            case.path_parameters, case.body, case.headers = copy.deepcopy(made)
            put(case)

    run_with_requests(test, open_server, operation)


def what_fits_is_accepted_and_what_does_not_is_refused(case: Any, server: Client) -> None:
    if spells_no_huge_number(case.body) and not names_the_price_of_a_market_order(case.body):
        leave_names_to_the_path(case)
        # No schema can say which key another order came with.
        case.headers = case.headers or {}
        case.headers.pop("Idempotency-Key", None)
        # No schema can say whether there is somebody to accuse, or a clock that can be moved.
        if case.path.endswith(("/judge", "/api/v1/clock")):
            case.call_and_validate(checks=CONFORMANCE, app=server.app)
        else:
            case.call_and_validate(app=server.app)


def run_with_requests(test: Any, client: Client, operation: tuple[str, str]) -> None:
    """Call the test with each request that Schemathesis makes for the one operation.

    Its own decorator makes them while the tests are collected, in each worker of a run.
    """
    method, path = operation
    made = get_all_tests(
        schema=described(client, DOCUMENT | {"paths": {path: DOCUMENT["paths"][path]}}),
        test_func=BOUNDED(test),
        settings=None,
        given_kwargs=None,
    )
    for described_operation, run in (each.ok() for each in made):
        if described_operation.method.upper() == method:
            return run()
    raise LookupError(f"{method} {path} has no test")


class Renewable:
    """A client whose exchange can be replaced by a new one; with a tape, which levels may need."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self._client = Client(clock=itertools.count(1).__next__, has_tape=True)

    def app(self, environ: Any, start_response: Any) -> Any:
        return self._client.app(environ, start_response)


RENEWABLE = Renewable()


class FollowingLinks(described(RENEWABLE, UNCONTROLLED).as_state_machine()):  # type: ignore[misc]
    """Does with placed orders and started levels what the description says one can do."""

    def setup(self) -> None:
        """Ids begin anew, so that the same requests get the same answers."""
        RENEWABLE.renew()

    def validate_response(self, response: Any, case: Any, *_: Any, **__: Any) -> None:
        case.validate_response(response, checks=CONFORMANCE)


@pytest.mark.slow
class TestFollowingLinks(FollowingLinks.TestCase):
    settings = settings(BOUNDED, stateful_step_count=10, phases=[Phase.generate])


def go_home(case: Any) -> None:
    """Turn a request to the book, the account and the orders that do exist."""
    home = {"venue": "TESTEX", "symbol": "FOOBAR", "account": "NOISEBOTS"}
    case.path_parameters |= {name: home[name] for name in home.keys() & case.path_parameters}
    for number in {"orderId", "instanceId"} & case.path_parameters.keys():
        if isinstance(case.path_parameters[number], int):
            case.path_parameters[number] %= 10
    leave_names_to_the_path(case)
    if isinstance(case.body, dict):
        case.body |= {"account": home["account"]}


def leave_names_to_the_path(case: Any) -> None:
    """Drop what would have to agree with the path, which a schema cannot say."""
    if isinstance(case.body, dict):
        names = ("venue", "stock", "symbol")
        case.body = {key: case.body[key] for key in case.body if key not in names}


def spells_no_huge_number(body: object) -> bool:
    """Whether no number in a string is over the limit, which a schema cannot say of a string."""
    strings = (v for v in body.values() if isinstance(v, str)) if isinstance(body, dict) else ()
    return all(
        int(s) <= min(MAX_PRICE, MAX_QUANTITY) for s in strings if re.fullmatch(r"[0-9]{1,20}", s)
    )


def names_the_price_of_a_market_order(body: object) -> bool:
    """Whether there is a price that is ignored, whatever the schema would like it to be."""
    return isinstance(body, dict) and body.get("orderType") == "market" and "price" in body


def sentences(family: type[ExchangeError]) -> Iterator[str]:
    """Those of the refusals that belong to a family, by its class or one below it."""
    for refusal in family.__subclasses__():
        yield from [refusal.sentence] if "sentence" in vars(refusal) else sentences(refusal)


def resolved(response: dict[str, Any]) -> dict[str, Any]:
    name = response.get("$ref", "").removeprefix("#/components/responses/")
    return COMPONENTS["responses"][name] if name else response


def examples_of(content: dict[str, Any]) -> Iterator[Any]:
    if "example" in content:
        yield content["example"]
    for example in content.get("examples", {}).values():
        assert example["summary"]
        yield example["value"]


def validator(schema: dict[str, Any]) -> Any:
    """Checks values against a schema of the document."""
    return compiled(json.dumps(schema))


@functools.cache
def compiled(schema: str) -> Any:
    return jsonschema_rs.Draft202012Validator(
        {**json.loads(schema), "components": COMPONENTS}, validate_formats=True
    )


def operation_at(method: str, path: str) -> dict[str, Any]:
    for (described_method, template), operation in OPERATIONS.items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if described_method == method and re.fullmatch(pattern, path):
            return operation
    raise LookupError(f"{method} {path} is not described")
