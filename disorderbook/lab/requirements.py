"""What is required of runs: `pnl >= 10000`, `median drawdown < 500`, whether it holds, and JUnit's
XML of that.

The rule: a requirement is [STATISTIC] NAME OPERATOR NUMBER, in the units of DEFINITIONS (dollars
for money). Without a statistic it has to hold in each seed. Where there is no number (the share of
takes without a fill), it does not hold.
"""

import operator
import re
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple
from xml.etree import ElementTree

from disorderbook.lab.measures import (
    DEFINITIONS,
    Definition,
    Measures,
    Number,
    for_people,
    in_words,
)

STATISTICS: Mapping[str, Callable[[Sequence[Number]], Number]] = {
    "median": statistics.median,
    "mean": statistics.fmean,
    "least": min,
    "most": max,
}
OPERATORS: Mapping[str, Callable[[Number, Number], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
MOST_REQUIREMENTS = 100
LONGEST = 200  # characters of a requirement
SUITE = "disorderbook run"
XML = '<?xml version="1.0" encoding="utf-8"?>'

_BY_NAME = {each.name: each for each in DEFINITIONS}
_FORM = re.compile(
    rf"\s*(?:(?P<statistic>{'|'.join(STATISTICS)})\s+)?(?P<name>[A-Za-z_&]+)\s*"
    rf"(?P<operator>{'|'.join(OPERATORS)})\s*(?P<number>[+-]?[0-9]{{1,15}}(?:\.[0-9]{{1,9}})?)\s*"
)
FORM_RULE = (
    f"[{'|'.join(STATISTICS)}] NAME OPERATOR NUMBER, such as 'pnl >= 10000' or 'median pnl > 0';"
    f" the operators are {' '.join(OPERATORS)}"
)


class Requirement(NamedTuple):
    """`text` is how people read it; without a `statistic` it is asked of each seed."""

    text: str
    statistic: str | None
    definition: Definition
    operator: str
    number: float


class Judgement(NamedTuple):
    """Whether a requirement holds in one seed, or of all seeds together (None). `value` is in the
    unit of the definition.
    """

    requirement: Requirement
    seed: int | None
    value: Number | None
    holds: bool

    @property
    def sentence(self) -> str:
        """What there is to say of it."""
        required, definition = self.requirement, self.requirement.definition
        where = "all seeds" if self.seed is None else f"seed {self.seed}"
        name = f"{required.statistic} {definition.name}" if required.statistic else definition.name
        value = "none" if self.value is None else in_words(self.value, definition)
        return f"{required.text}: {'holds' if self.holds else 'fails'} ({where}: {name} {value})"


def requirement(text: str) -> Requirement:
    """The requirement that a text is; raises ValueError with a sentence."""
    found = _FORM.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        raise ValueError(f"{text[:LONGEST]!r} is no requirement: {FORM_RULE}")
    statistic, name, sign, number = found.groups()
    if name not in _BY_NAME:
        names = ", ".join(_BY_NAME)
        raise ValueError(f"{name[:40]!r} is no number of a run; there are {names}")
    shown = f"{statistic} {name}" if statistic else name
    return Requirement(f"{shown} {sign} {number}", statistic, _BY_NAME[name], sign, float(number))


def judged(requirements: Sequence[Requirement], runs: Sequence[Measures]) -> list[Judgement]:
    """Whether each requirement holds in each seed, or in all together, in this order."""
    return [judgement for each in requirements for judgement in _judged(each, runs)]


def junit_xml(
    judgements: Sequence[Judgement], failures: Mapping[int, str], undone: Sequence[int] = ()
) -> bytes:
    """JUnit's XML, as continuous integration reads it: a test case for each requirement and seed,
    and one for each seed, which is an error where the program failed (`failures` are sentences by
    seed) and skipped where it was not run.
    """
    suite = ElementTree.Element("testsuite", name=SUITE)
    for judgement in judgements:
        where = "all seeds" if judgement.seed is None else f"seed {judgement.seed}"
        case = _case(suite, judgement.requirement.text, where)
        if not judgement.holds:
            _child(case, "failure", judgement.sentence)
    for seed, sentence in failures.items():
        _child(_case(suite, "the program runs", f"seed {seed}"), "error", sentence)
    for seed in undone:
        _child(_case(suite, "the program runs", f"seed {seed}"), "skipped", "not run")
    counts = {"tests": "testcase", "failures": ".//failure", "errors": ".//error"}
    for name, path in {**counts, "skipped": ".//skipped"}.items():
        suite.set(name, str(len(suite.findall(path))))
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    return f"{XML}\n{ElementTree.tostring(suites, encoding='unicode')}\n".encode()


def _judged(required: Requirement, runs: Sequence[Measures]) -> Iterator[Judgement]:
    definition = required.definition
    values = [for_people(getattr(each, definition.name), definition) for each in runs]
    if required.statistic is None:
        for each, value in zip(runs, values, strict=True):
            yield Judgement(required, each.seed, value, _holds(required, value))
        return
    numbers = [value for value in values if value is not None]
    value = STATISTICS[required.statistic](numbers) if numbers else None
    yield Judgement(required, None, value, _holds(required, value))


def _holds(required: Requirement, value: Number | None) -> bool:
    return value is not None and OPERATORS[required.operator](value, required.number)


def _case(suite: ElementTree.Element, name: str, where: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=SUITE, name=f"{name} ({where})")


def _child(case: ElementTree.Element, kind: str, sentence: str) -> None:
    ElementTree.SubElement(case, kind, message=_printable(sentence))


def _printable(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return "".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in text)
