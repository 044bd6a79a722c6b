"""Distributions of latencies, and the words that ask for them."""

import random
import statistics

import pytest

from disorderbook.control.latency import LONGEST_LATENCY, NONE, distribution

MS = 1_000_000


def test_a_fixed_latency_is_always_the_same() -> None:
    assert {distribution("50ms").drawn(random.Random(1)) for _ in range(10)} == {50 * MS}
    assert distribution("1.5s").low == 1500 * MS and distribution("20us").low == 20_000
    assert distribution("off") is NONE and distribution("0ms").drawn(random.Random(1)) == 0


def test_a_uniform_latency_lies_between_its_ends() -> None:
    chance = random.Random(1)
    drawn = [distribution("uniform:10ms,90ms").drawn(chance) for _ in range(2000)]
    assert min(drawn) >= 10 * MS and max(drawn) <= 90 * MS
    assert min(drawn) < 11 * MS and max(drawn) > 89 * MS
    assert statistics.mean(drawn) == pytest.approx(50 * MS, rel=0.05)


def test_a_lognormal_latency_has_its_median_and_sigma() -> None:
    chance, spec = random.Random(1), distribution("lognormal:90ms,0.3")
    drawn = sorted(spec.drawn(chance) for _ in range(4000))
    assert statistics.median(drawn) == pytest.approx(90 * MS, rel=0.03)
    # exp(0.3) above the median is where a normal variable is one deviation up: 84.1 %.
    assert drawn[int(4000 * 0.841)] == pytest.approx(90 * MS * 2.718281828**0.3, rel=0.05)
    wide = distribution("lognormal:60s,3")
    assert max(wide.drawn(chance) for _ in range(100)) == LONGEST_LATENCY


def test_the_same_chance_draws_the_same() -> None:
    spec = distribution("lognormal:90ms,0.3")
    first, second = random.Random(7), random.Random(7)
    assert [spec.drawn(first) for _ in range(9)] == [spec.drawn(second) for _ in range(9)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "50",
        "-5ms",
        "1h",
        "61s",
        "nanms",
        "50 ms",
        "uniform",
        "uniform:10ms",
        "uniform:90ms,10ms",
        "uniform:10ms,61s",
        "lognormal:90ms",
        "lognormal:90ms,4",
        "lognormal:90ms,nan",
        "lognormal:90,0.3",
        "normal:90ms,0.3",
        "fixed:90ms",
        "x" * 5000,
    ],
)
def test_what_is_no_latency_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is no latency: 50ms, uniform:10ms,90ms or lognormal"):
        distribution(text)
