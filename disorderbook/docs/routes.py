"""A route as the documentation shows it: what it does, what it takes, lines to copy, answers."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from disorderbook.docs.curl import Setup, calls
from disorderbook.docs.description import Description, Node, Operation, examples_of
from disorderbook.docs.fields import fields_table, name_of, parameters_table
from disorderbook.docs.markup import (
    Markup, breakable, element, joined, paragraphs, pretty, prose, table,
)

JSON = "application/json"
SUCCESS = "200"
DISABLED_HERE = "This exchange was started without --extra, so it refuses:"


class Refusal(NamedTuple):
    """A status, the sentence that comes with it, and when."""

    status: str
    sentence: str
    reason: str


def route_article(
    operation: Operation, setup: Setup, description: Description, common: set[Refusal]
) -> Markup:
    """Everything about one route; `common` are the refusals that are explained elsewhere."""
    return element(
        "article",
        element("h3", method_mark(operation.method), " ",
                element("code", breakable(operation.path))),
        element("p", operation.summary, class_="summary"),
        paragraphs(operation.description),
        *_taken(operation, description),
        element("h4", "Try it"),
        *_tried(operation, setup),
        element("h4", "Answer"),
        *_answers(operation, description),
        element("h4", "Refusals"),
        _refusals(operation, common),
        id=operation.id,
    )


def refusals_of(operation: Operation) -> list[Refusal]:
    """Every refusal that a route can answer with."""
    return [
        refusal for status, response in operation.responses.items() if status != SUCCESS
        for refusal in refusals_in(status, response)
    ]


def refusals_in(status: str, response: Node) -> list[Refusal]:
    """Those of one answer; one that is no JSON is its own sentence."""
    return [
        Refusal(status, value["error"] if isinstance(value, dict) else value,
                reason or response["description"])
        for part in response["content"].values() for reason, value in examples_of(part)
    ]


def common_refusals(operations: Iterable[Operation]) -> list[Refusal]:
    """What most routes refuse alike."""
    every = [refusals_of(operation) for operation in operations]
    counted = Counter(refusal for refusals in every for refusal in refusals)
    return [refusal for refusal, count in counted.items() if 2 * count > len(every)]


def refusals_table(refusals: Iterable[Refusal]) -> Markup:
    """Statuses, sentences and reasons."""
    return table(("Status", "Sentence", "When"), [
        (status, element("code", sentence), prose(reason))
        for status, sentence, reason in sorted(refusals, key=lambda refusal: refusal.status)
    ])


def method_mark(method: str) -> Markup:
    """A method in its colour."""
    return element("span", method, class_=f"method {method.lower()}")


def curl_block(line: str, name: str) -> Markup:
    """A line to copy; the button comes to life with the page's script."""
    return element(
        "div",
        element("pre", element("code", line)),
        element("button", "Copy", type="button", hidden="", aria_label=f"Copy: {name}"),
        class_="curl",
    )


def _taken(operation: Operation, description: Description) -> list[Markup]:
    """What goes into the path, the query and the body."""
    parts = []
    if operation.parameters:
        parts += [element("h4", "Parameters"), parameters_table(operation, description)]
    if operation.request_body:
        schema = description.resolve(operation.request_body["content"][JSON]["schema"])
        parts += [
            element("h4", "Body"), element("p", prose(operation.request_body["description"])),
            fields_table(schema, description), element("p", prose(schema["description"])),
        ]
    return parts


def _tried(operation: Operation, setup: Setup) -> list[Markup]:
    shown: list[Markup] = []
    for call in calls(operation, setup):
        if call.shows:
            shown.append(element("p", call.shows))
        if call.status != SUCCESS:
            shown.append(element("p", DISABLED_HERE))
        name = f"{operation.method} {operation.path} {call.shows}".strip()
        shown.append(curl_block(call.line, name))
        shown.append(element("p", "answers ", element("b", call.status), " with ",
                             element("b", call.kind), class_="promise"))
    return shown


def _answers(operation: Operation, description: Description) -> list[Markup]:
    response = operation.responses[SUCCESS]
    shown = []
    for kind, part in response["content"].items():
        meaning = joined(response["description"], " ") if part is _first(response) else Markup()
        shown.append(element("p", meaning, element("b", f"{SUCCESS} {kind}"), _link(part)))
        if kind == JSON and not name_of(part["schema"]):
            shown.append(fields_table(part["schema"], description))
        for summary, value in examples_of(part):
            if summary:
                shown.append(element("p", summary))
            text = pretty(value) if kind == JSON else value.replace("\r\n", "\n").rstrip()
            shown.append(element("pre", element("code", text), class_="example"))
    return shown


def _first(response: Node) -> Node:
    part: Node = next(iter(response["content"].values()))
    return part


def _link(part: Node) -> Markup:
    name = name_of(part["schema"])
    if not name:
        return Markup()
    return joined(", fields: ", element("a", name, href=f"#schema-{name}"))


def _refusals(operation: Operation, common: set[Refusal]) -> Markup:
    refusals = refusals_of(operation)
    own = [refusal for refusal in refusals if refusal not in common]
    usual = sorted({refusal.status for refusal in refusals if refusal in common})
    link = element("a", "As most routes do", href="#refusals")
    also = element("p", link, f", it can answer {', '.join(usual)}.") if usual else Markup()
    return joined(refusals_table(own) if own else Markup(), also)
