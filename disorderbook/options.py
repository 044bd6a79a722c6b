"""What the options of a Python function may be: one way to refuse them, with a sentence that names
the option. Types are those of the function's signature, so that no option can be forgotten.

A value of another type is not told: it may be a key. The client, which can be taken alone, has its
own way to refuse types, `client.network.check_types`.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from decimal import Decimal
from functools import cache, wraps
from numbers import Integral, Real
from types import UnionType
from typing import Any, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from disorderbook.protocol.names import NAME_RULE, is_name

P = ParamSpec("P")
T = TypeVar("T")


def typed_options(function: Callable[P, T]) -> Callable[P, T]:
    """Have a function raise ValueError for an argument of another type than its signature says. An
    integer is a number (float), and a bool is neither. Integers and numbers of other kinds, such as
    numpy's, become Python's own.
    """

    @cache
    def signature() -> tuple[inspect.Signature, dict[str, Any]]:
        return inspect.signature(function), get_type_hints(function)

    @wraps(function)
    def checked(*arguments: P.args, **options: P.kwargs) -> T:
        parameters, hints = signature()
        bound = parameters.bind(*arguments, **options)
        for name, given in bound.arguments.items():
            hint = hints.get(name, Any)
            value = bound.arguments[name] = _own_number(given, hint)
            if not _is_of(value, hint):
                raise ValueError(f"{name} has to be {_named(hint)}, and not {type(value).__name__}")
        return function(*bound.args, **bound.kwargs)

    return checked


def check_integer(option: str, value: object, least: int, most: int) -> None:
    """Raise ValueError for what is no integer within these bounds."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{option} is an integer from {least} to {most}, and not {value!r:.80}")


def check_number(option: str, value: object, least: float, most: float) -> None:
    """Raise ValueError for what is no number within these bounds, which NaN is not."""
    if not _is_of(value, float) or not least <= value <= most:  # type: ignore[operator]
        raise ValueError(f"{option} is {least:g} to {most:g}, and not {value!r:.80}")


def check_name(option: str, name: object) -> None:
    """Raise ValueError for what cannot be a name from the start."""
    if not isinstance(name, str) or not is_name(name):
        cannot = "cannot name a venue, a stock or an account"
        raise ValueError(f"{option} is {name!r:.80}, which {cannot}: {NAME_RULE}")


def read_option(option: str, read: Callable[[str], T], text: str) -> T:
    """What `read` makes of a text; the sentence of its ValueError names the option, too."""
    try:
        return read(text)
    except ValueError as fault:
        raise ValueError(f"{option}: {fault}") from None


def _own_number(value: Any, hint: Any) -> Any:
    """Python's own integer or number of the same value, where the hint is one; others as they are,
    and so are those that no float can be.
    """
    kinds = get_args(hint) or (hint,)
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value) if int in kinds or float in kinds else value
    if float in kinds and isinstance(value, (Real, Decimal)) and not isinstance(value, bool):
        with suppress(OverflowError, ValueError):
            return float(value)
    return value


def _is_of(value: object, hint: Any) -> bool:
    origin = get_origin(hint) or hint
    if origin in (Union, UnionType):
        return any(_is_of(value, each) for each in get_args(hint))
    if origin is Any:
        return True
    if isinstance(value, bool):
        return origin is bool or origin is object
    if origin is float:
        return isinstance(value, (int, float))
    if origin is Collection:  # of texts, and a text is none
        return isinstance(value, Collection) and not isinstance(value, str) and _holds(value, hint)
    if origin is Mapping:
        return isinstance(value, Mapping)  # what is in it is checked where it is read
    return isinstance(value, origin)


def _holds(values: Collection[object], hint: Any) -> bool:
    return all(_is_of(value, kind) for kind in get_args(hint) for value in values)


def _named(hint: Any) -> str:
    """As it stands in the source."""
    if isinstance(hint, type) and not get_args(hint):
        return hint.__name__
    return str(hint).replace("collections.abc.", "").replace("os.", "").replace("typing.", "")
