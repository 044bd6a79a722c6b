"""What a graph of objects looks like: every value that can be reached from one, under its path.

Two graphs that look alike behave alike. An object that is reached twice is described once, and then
by the path of its first description, so that it also shows who shares what. Modules, classes and
plain functions are named only.
"""

import array
import random
import sqlite3
import threading
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import Future
from functools import _lru_cache_wrapper
from typing import Any

import msgspec

PLAIN = (int, float, str, bytes, bool, type(None), complex, range)
NAMED = (type, types.ModuleType, types.BuiltinFunctionType, types.GenericAlias)
# What the interpreter has in them, and caches of what is always so.
OPAQUE = (
    threading.Event,
    threading.Condition,
    threading.Thread,
    weakref.ReferenceType,
    _lru_cache_wrapper,
)


def description(root: object) -> dict[str, str]:
    """Every value under its path from `root`."""
    seen: dict[int, tuple[str, object]] = {}  # by identity; the objects live as long as this
    found: dict[str, str] = {}
    waiting: deque[tuple[str, object]] = deque([("", root)])
    while waiting:
        path, value = waiting.popleft()
        if isinstance(value, PLAIN):
            found[path] = repr(value)
        elif id(value) in seen:
            found[path] = f"see {seen[id(value)][0]}"
        else:
            seen[id(value)] = path, value
            parts = list(_parts(value))
            found[path] = f"{_name(value)} of {len(parts)}"
            waiting.extend((f"{path}{name}", part) for name, part in parts)
    return found


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Where two descriptions differ, and how."""
    paths = dict.fromkeys([*one, *other])
    return [
        f"{path}: {one.get(path, '-')} | {other.get(path, '-')}"
        for path in paths
        if one.get(path) != other.get(path)
    ]


def _name(value: object) -> str:
    if isinstance(value, (*NAMED, types.FunctionType)):
        return f"{type(value).__name__} {getattr(value, '__qualname__', value)}"
    return type(value).__name__


def _parts(value: Any) -> Iterator[tuple[str, object]]:
    if isinstance(value, (*NAMED, *OPAQUE)):
        return
    special = _special(value)
    if special is not None:
        yield "()", special
    elif isinstance(value, Mapping):
        for number, (key, part) in enumerate(value.items()):
            if isinstance(key, PLAIN):
                yield f"[{key!r}]", part
            else:
                yield f"[key {number}]", key
                yield f"[value {number}]", part
    elif isinstance(value, Set):
        parts = sorted(value, key=repr) if all(isinstance(p, PLAIN) for p in value) else value
        yield from ((f"{{{number}}}", part) for number, part in enumerate(parts))
    elif isinstance(value, (Sequence, deque, array.array)):
        yield from ((f"[{number}]", part) for number, part in enumerate(value))
    yield from ((f".{name}", part) for name, part in attributes(value))


def attributes(value: Any) -> Iterator[tuple[str, object]]:
    """Those of an object itself, in its dictionary or its slots."""
    yield from getattr(value, "__dict__", {}).items()
    if isinstance(value, msgspec.Struct):
        yield from ((name, getattr(value, name)) for name in value.__struct_fields__)
        return
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            name = f"_{kind.__name__.lstrip('_')}{name}" if name[:2] == "__" else name
            if hasattr(value, name) and name not in ("__dict__", "__weakref__"):
                yield name, getattr(value, name)


SPECIAL: list[tuple[type, Callable[[Any], object]]] = [
    (types.MethodType, lambda method: [method.__func__, method.__self__]),
    (
        types.FunctionType,
        lambda function: [
            [cell.cell_contents for cell in function.__closure__ or ()],
            function.__defaults__,
            function.__kwdefaults__,
        ],
    ),
    (sqlite3.Connection, lambda connection: list(connection.iterdump())),
    (random.SystemRandom, lambda chance: "chance"),
    (random.Random, lambda chance: repr(chance.getstate())),
    (Future, lambda future: [future.done()]),
    (types.GeneratorType, lambda made: dict(made.gi_frame.f_locals) if made.gi_frame else None),
]


def _special(value: Any) -> object:
    """What stands for an object that hides what it has."""
    return next((stand(value) for kind, stand in SPECIAL if isinstance(value, kind)), None)
