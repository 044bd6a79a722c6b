"""Options of another type, or out of bounds, are one sentence that names the option."""

import inspect
from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from numbers import Integral
from types import MappingProxyType
from typing import Any

import pytest

from disorderbook.client import AdminClient, Market
from disorderbook.client.network import Verify
from disorderbook.in_process import serve
from disorderbook.lab.simulation import Simulation

CALLS: dict[Callable[..., Any], dict[str, Any]] = {
    serve: {},
    Simulation: {},
    Market: {"venue": "V", "symbol": "S"},
    AdminClient: {"url": "http://127.0.0.1:1", "key": "key"},
}
OPTIONS = [(call, name) for call in CALLS for name in inspect.signature(call).parameters]
IDS = [f"{call.__name__}-{name}" for call, name in OPTIONS]


@pytest.mark.parametrize("call, option", OPTIONS, ids=IDS)
def test_no_option_takes_a_value_of_another_type(call: Callable[..., Any], option: str) -> None:
    wrong = [object(), [b"secret"], 1 + 2j]
    if inspect.signature(call).parameters[option].annotation not in (bool, Verify):
        wrong.append(True)
    for value in wrong:
        sentence = f"^{option} has to be [^\\n]+, and not {type(value).__name__}$"
        with pytest.raises(ValueError, match=sentence) as refusal:
            call(**CALLS[call] | {option: value})
        assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "call, options",
    [
        (serve, {"port": "8"}),
        (serve, {"sync": 1}),
        (serve, {"accounts": [("ANN", "key")]}),
        (serve, {"allowed_hosts": "a.example"}),
        (serve, {"allowed_hosts": ["a.example", 8]}),
        (serve, {"day_seconds": "5"}),
        (serve, {"max_books": None}),
        (Simulation, {"rules": 8}),
        (Market, {"timeout": "8"}),
        (Market, {"url": None}),
        (AdminClient, {"timeout": None}),
    ],
)
def test_near_types_are_other_types(call: Callable[..., Any], options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(options))} has to be "):
        call(**CALLS[call] | options)


@pytest.mark.parametrize(
    "call, options, complaint",
    [
        (serve, {"port": -1}, "port is an integer from 0 to 65535, and not -1"),
        (serve, {"tape_port": 65536}, "tape_port is an integer from 0 to 65535"),
        (serve, {"venue": "A/B"}, "venue is 'A/B', which cannot name a venue"),
        (serve, {"symbol": "A\ud800"}, "symbol is .* which cannot name"),
        (serve, {"max_books": 0}, "max_books is an integer from 1 to 1000000"),
        (serve, {"max_listeners": 218}, "max_listeners is an integer from 1 to 217"),
        (serve, {"day_seconds": float("nan")}, "day_seconds is 0.05 to 60, and not nan"),
        (serve, {"seed": -1}, "seed is an integer from 0 to"),
        (serve, {"max_instances": 0}, "max_instances is an integer from 1 to 10000"),
        (serve, {"allowed_hosts": ["a b"]}, "allowed_hosts: 'a b' is no host name"),
        (serve, {"latency": "5"}, "latency: '5' is no latency"),
        (serve, {"tape_latency": "5"}, "tape_latency: '5' is no latency"),
        (serve, {"replay": "x", "replay_as": "x"}, "replay_as: 'x' is no VENUE/STOCK"),
        (serve, {"mark": "best"}, "mark is 'best'"),
        (Simulation, {"venue": "A/B"}, "venue is 'A/B', which cannot name"),
        (Simulation, {"account": ""}, "account is '', which cannot name"),
        (Market, {"venue": ".."}, "venue is '..', which cannot be the name"),
        (Market, {"symbol": ""}, "symbol is '', which cannot be the name"),
        *[
            (call, {"timeout": timeout}, "timeout is over 0 to 1000000 seconds, and not ")
            for call in (Market, AdminClient)
            for timeout in (0, -1, float("nan"), float("inf"))
        ],
        (AdminClient, {"key": ""}, "The key cannot be sent"),
    ],
)
def test_what_is_out_of_bounds_is_a_sentence_that_names_the_option(
    call: Callable[..., Any], options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}"), call(**CALLS[call] | options):
        pass


def test_an_integer_is_a_number_and_any_mapping_holds_accounts() -> None:
    accounts, hosts = MappingProxyType({"ANN": "key"}), {"a.example"}
    with serve(day_seconds=5, accounts=accounts, allowed_hosts=hosts) as exchange:
        Market(exchange.venue, exchange.symbol, url=exchange.url, timeout=8).close()


class Size(IntEnum):
    SMALL = 7


@Integral.register
class Foreign:
    """An integer as numpy has them: one by its abstract class alone."""

    def __int__(self) -> int:
        return 7

    def __float__(self) -> float:
        return 7.0


def test_numbers_of_other_kinds_become_python_s_own() -> None:
    options: dict[str, Any] = {"max_books": Size.SMALL, "seed": Foreign(), "speed": Foreign()}
    for seconds in (Foreign(), Fraction(5), Decimal(5)):
        with serve(day_seconds=seconds, **options):  # type: ignore[arg-type]
            pass
    with Simulation(Foreign(), days=Size.SMALL) as simulation:  # type: ignore[arg-type]
        assert (type(simulation.seed), type(simulation.days)) == (int, int)
    Market("V", "S", timeout=Fraction(5)).close()  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [True, 7.0, Fraction(7), Decimal(7)])
def test_no_other_number_is_an_integer(value: Any) -> None:
    with pytest.raises(ValueError, match="^seed has to be int "):
        Simulation(value)


@pytest.mark.parametrize(
    "rules",
    [{1: 2}, {"venues": {None: {}}}, {"venues": {"V": {"stocks": {1: {}}}}}, {"market": {1: 2}}],
    ids=str,
)
def test_rules_by_something_else_than_names_are_refused(rules: dict[Any, Any]) -> None:
    with pytest.raises(ValueError, match="^rules has "):
        Simulation(rules=rules)
