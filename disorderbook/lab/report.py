"""The report: one HTML file about one or many runs, which needs no network and no server.

The rule: what a program or a name in the market says never becomes markup. All data is compressed
and in base64, and the page's own scripts make text of it; the page's policy (CSP) runs and loads
nothing but the script and the style whose hashes it names.

The file is the frame (page/report.tpl) with these parts:

- the styles of the exchange's pages, and page/report.css;
- the scripts of page/, one after the other as one;
- the overview: numbers, definitions and curves of all runs;
- the events of some runs, from which the page tells how the book was at any moment.

The worst run's events are in the file, the median's, the best's, and then as many others as fit.
"""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from bottle import SimpleTemplate

from disorderbook.engine.orders import ORDER_TYPE_NAMES, SIDE_NAMES
from disorderbook.lab.events import KINDS, event_columns
from disorderbook.lab.measures import (
    DEFINITIONS,
    DOLLARS,
    LEAST_POINTS,
    Curve,
    Definition,
    Measures,
    curve,
    measures,
    numbers,
)
from disorderbook.lab.record import RunRecord
from disorderbook.protocol.names import timestamp

MOST_EVENT_BYTES = 1_400_000  # of all runs in the file, in base64; one run's are in it always
CURVE_POINTS = 240  # of a run whose events are not in the file; fewer where there are many runs
MOST_POINTS = 24_000  # of all such curves together
GRID = 100  # moments at which the runs' net asset values are compared; fewer, likewise
MOST_GRID = 20_000
LONGEST_TITLE = 200  # characters
COMPRESSION = 9  # zlib's best
RIVAL, DIFFERENCE = "rival", "difference"  # numbers of a comparison

SCRIPTS = ("data.js", "book.js", "draw.js", "charts.js", "tables.js", "moment.js", "report.js")

# Escape sequences of terminals: colours, cursors, titles.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t"} | {127: 0x2421}
# These would turn the writing of the line around, or hide in it.
_DIRECTIONS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD)
# Bytes of an argument that are no UTF-8 come as such: no file has them.
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)
_VISIBLE = _CONTROLS | dict.fromkeys(range(0x80, 0xA0), 0xFFFD) | _DIRECTIONS | _SURROGATES


class Rival(NamedTuple):
    """Another program that got the same seeds in the same order: its name, its runs, and the
    sentence that says how the two compare.
    """

    name: str
    records: Sequence[RunRecord]
    sentence: str = ""


def report(
    records: Sequence[RunRecord],
    path: str | Path,
    *,
    title: str = "",
    command: Callable[[int], str] | None = None,
    against: Rival | None = None,
) -> None:
    """Write a file about these runs, which are looked at one by one, and some of them twice.

    `title` says what ran, and `command` how a run is repeated, given its seed. Raises ValueError
    without a run, or if the seeds are not those of the rival, and OSError if the file cannot be
    written.
    """
    text = report_text(records, title=title, command=command, against=against)
    Path(path).write_text(text, encoding="utf-8")


def report_text(
    records: Sequence[RunRecord],
    *,
    title: str = "",
    command: Callable[[int], str] | None = None,
    against: Rival | None = None,
) -> str:
    """The file that `report` writes."""
    if not records:
        raise ValueError("A report is about one run or more")
    measured = [measures(record) for record in records]
    blocks = _blocks(records, measured)
    runs = [
        _run(records[number], measured[number], len(records), number in blocks)
        | ({"command": command(measured[number].seed)} if command else {})
        for number in range(len(records))
    ]
    title = readable(title)[:LONGEST_TITLE]
    rival = _rival(against, runs) if against else {}
    known = {name for run in runs for name, number in run["numbers"].items() if number is not None}
    overview = {
        "title": title,
        "definitions": [
            each._asdict() for each in _definitions(rival.get("name")) if each.name in known
        ],
        "kinds": [[SIDE_NAMES[side], ORDER_TYPE_NAMES[kind]] for side, kind in KINDS],
        "points": _grid(len(records)),
        "blocks": list(blocks),
        "runs": runs,
        "rival": rival or None,
    }
    return _page(title, _packed(overview), list(blocks.values()))


def readable(text: str) -> str:
    """A line of text without what steers a terminal; other controls are shown as signs."""
    return _ANSI.sub("", text).translate(_VISIBLE)


def _blocks(records: Sequence[RunRecord], measured: Sequence[Measures]) -> dict[int, str]:
    """The packed events of some runs, by the number of the run; the worst one's come first."""
    blocks: dict[int, str] = {}
    size = 0
    for number in _by_interest(measured):
        block = _packed(_details(records[number]))
        size += len(block)
        if blocks and size > MOST_EVENT_BYTES:
            break
        blocks[number] = block
    return blocks


def _by_interest(measured: Sequence[Measures]) -> list[int]:
    """Numbers of the runs: the worst, the median, the best, and then the others from the worst."""
    ranked = sorted(range(len(measured)), key=lambda number: (measured[number].pnl, number))
    first = [ranked[0], ranked[(len(ranked) - 1) // 2], ranked[-1]]
    return list(dict.fromkeys(first + ranked))


def _run(record: RunRecord, measured: Measures, count: int, has_events: bool) -> dict[str, Any]:
    """What the overview says of a run; the curves of one with events are made of those."""
    whole = curve(record, max(LEAST_POINTS, len(record.orders) + 2))
    ending, level = record.ending, record.level
    run: dict[str, Any] = {
        "seed": record.seed,
        "numbers": numbers(measured),
        "venue": record.venue,
        "symbol": record.symbol,
        "account": record.account,
        "start": timestamp(record.start),
        "length": max(record.end, whole.times[-1]) - record.start,
        "day": record.day,
        "daysAsked": record.days,
        "ending": msgspec.to_builtins(ending),
        "level": msgspec.to_builtins(level),
        "navs": _on_grid(whole, record, _grid(count)),
    }
    run["ending"]["last_lines"] = [readable(line) for line in ending.last_lines]
    if not has_events:
        run["curve"] = _curve(record, max(LEAST_POINTS, min(CURVE_POINTS, MOST_POINTS // count)))
    return run


def _rival(against: Rival, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """What the overview says of the other program; adds to each run its P&L in the same seed."""
    navs = []
    for run, record in zip(runs, against.records, strict=True):
        if record.seed != run["seed"]:
            raise ValueError(f"Seed {run['seed']} is compared with seed {record.seed}")
        whole = curve(record, max(LEAST_POINTS, len(record.orders) + 2))
        navs.append(_on_grid(whole, record, _grid(len(runs))))
        own = run["numbers"]
        own[RIVAL] = numbers(measures(record))["pnl"]
        own[DIFFERENCE] = round(own["pnl"] - own[RIVAL], 2)
    name = readable(against.name)[:LONGEST_TITLE]
    return {"name": name, "sentence": readable(against.sentence), "navs": navs}


def _definitions(rival: str | None) -> list[Definition]:
    """Those of the measures; after the first one, P&L, those of a comparison."""
    definitions = list(DEFINITIONS)
    if rival is not None:
        definitions[1:1] = (
            Definition(RIVAL, f"P&L of {rival}", DOLLARS, f"P&L of {rival} in the same seed."),
            Definition(DIFFERENCE, "Difference", DOLLARS, f"P&L minus that of {rival}."),
        )
    return definitions


def _grid(count: int) -> int:
    """At how many moments so many runs are compared."""
    return max(10, min(GRID, MOST_GRID // count))


def _on_grid(whole: Curve, record: RunRecord, points: int) -> list[int]:
    """The net asset value at equal distances, from the start to the end of all days asked for, or
    to where the run ended.
    """
    step = record.day * record.days / points
    navs, row = [], 0
    for point in range(points + 1):
        moment = record.start + point * step
        if point and moment - step >= record.end:
            break
        while row + 1 < len(whole.times) and whole.times[row + 1] <= moment:
            row += 1
        navs.append(whole.nav[row])
    return navs


def _curve(record: RunRecord, points: int) -> dict[str, list[Any]]:
    thinned = curve(record, points)
    return {
        "times": [ts - record.start for ts in thinned.times],
        "prices": thinned.price,
        "navs": thinned.nav,
        "shares": thinned.shares,
    }


def _details(record: RunRecord) -> dict[str, Any]:
    """Everything that happened in a run. Names stay as they are: they only ever become text."""
    start = record.start
    columns: dict[str, Any] = msgspec.to_builtins(event_columns(record))
    return columns | {
        "printed": [[each.ts - start, each.stream, readable(each.text)] for each in record.printed],
        "refusals": [
            [
                each.ts - start,
                each.status,
                readable(f"{each.method} {each.path}"),
                readable(each.sentence),
                readable(each.detail),
            ]
            for each in record.refusals
        ],
    }


def _packed(value: object) -> str:
    """JSON, deflated, in base64: no sign of it means anything in HTML."""
    plain = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(plain.encode(), COMPRESSION)).decode()


def _page(title: str, overview: str, blocks: Sequence[str]) -> str:
    script, style = _script(), _style()
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    frame = SimpleTemplate((_folder() / "report.tpl").read_text(encoding="utf-8"))
    return str(
        frame.render(
            title=title,
            policy=policy,
            script=script,
            style=style,
            overview=overview,
            blocks=blocks,
        )
    )


def _folder() -> Any:
    return files("disorderbook.lab") / "page"


@cache
def _script() -> str:
    """One script of all: a page from a file cannot load modules."""
    parts = [(_folder() / name).read_text(encoding="utf-8") for name in SCRIPTS]
    return "\n'use strict'\n" + "\n".join(parts)


@cache
def _style() -> str:
    """The look of the exchange's pages, and what only a report has."""
    shared = files("disorderbook.site") / "static" / "page.css"
    own = _folder() / "report.css"
    return "\n".join(each.read_text(encoding="utf-8") for each in (shared, own))


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
