"""Whether one program did better than another that got the same seeds.

The rule: chance is in the seeds, so what is compared is the difference within each seed, and its
mean is called different from zero only when two things say so. One is its confidence interval:
Student's for the mean of paired differences ("The probable error of a mean", 1908). It holds for
many seeds, and for few if the differences are normal. The other, the sign-flip test, needs no such
condition: if two programs are equally good, each difference could as well have the other sign, so
that a mean so far from zero has to be as improbable when the signs are drawn at random (Fisher,
"The design of experiments", 1935, section 21).

Who looks again and again until something shows will see something: so where there are several
looks, each gets an equal part of the 5 % (Bonferroni's inequality; Dunn, "Multiple comparisons
among means", 1961). All intervals together then hold in 95 % of cases, however the looks depend on
each other, and two equal programs are called different in at most 5 %. Equal means that the
differences are symmetric about zero; where they are skewed, and only their mean is zero, few seeds
are called different more often.
"""

import math
import random
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

CONFIDENCE = 0.95  # of the interval; of all of them together, where there are several looks
FIRST_LOOK = 10  # seeds after which `looks` has the first one
LEAST_SEEDS = 2  # of which the spread is known
MOST_COUNTED = 13  # seeds that differ, of which every choice of signs is counted
TOSSES = 9_999  # choices of signs that are drawn where there are more

BETTER, WORSE, UNDECIDED, SAME = "better", "worse", "undecided", "same"


class Comparison(NamedTuple):
    """How the first program did against the second in `seeds` seeds.

    `difference` is the mean of what the first has more; the interval from `lowest` to `highest` has
    the true one in it in 95 % of cases, and is None of one seed alone. The first did better in
    `won` of the seeds, and as well in `tied`. `looks` is how many there may be in all. `verdict` is
    one of BETTER, WORSE, UNDECIDED and SAME (in every seed).
    """

    seeds: int
    difference: float
    lowest: float | None
    highest: float | None
    won: int
    tied: int
    looks: int
    verdict: str


def compared(first: Sequence[float], second: Sequence[float], looks: int = 1) -> Comparison:
    """Compare two programs by their results, the more the better, of the same seeds in the same
    order. `looks` is how many comparisons there may be in all before it is decided. Raises
    ValueError without a seed, or if the numbers of results are not the same.
    """
    differences = [one - other for one, other in zip(first, second, strict=True)]
    if not differences:
        raise ValueError("There is nothing to compare: no seed has been run")
    mean = math.fsum(differences) / len(differences)
    error = (1 - CONFIDENCE) / looks
    interval = _interval(differences, mean, error)
    lowest, highest = interval or (None, None)
    return Comparison(
        len(differences),
        mean,
        lowest,
        highest,
        sum(each > 0 for each in differences),
        sum(each == 0 for each in differences),
        looks,
        _verdict(differences, interval, error),
    )


def looks_until(most: int, first: int = FIRST_LOOK) -> list[int]:
    """After how many seeds to look: 10, 20, 40 and so on, and at last after `most`."""
    numbers = []
    while first < most:
        numbers.append(first)
        first *= 2
    return [*numbers, most]


def sentence(comparison: Comparison, first: str, second: str) -> str:
    """The comparison of two programs of these names, in dollars, as one sentence."""
    count, verdict = comparison.seeds, comparison.verdict
    seeds = f"{count} seed{'s' * (count > 1)}"
    if verdict == SAME:
        where = f"all {seeds}" if count > 1 else seeds
        return f"{first} and {second} did the same in {where}."
    answer = {
        BETTER: f"{first} is better than {second}",
        WORSE: f"{first} is worse than {second}",
        UNDECIDED: f"It is not to be told yet whether {first} is better than {second}",
    }[verdict]
    more = "more" if comparison.difference >= 0 else "less"
    mean = f"{abs(comparison.difference):,.2f} dollars {more} a seed"
    tied = f", tied in {comparison.tied}" if comparison.tied else ""
    won = f"won in {comparison.won} of {seeds}{tied}"
    return f"{answer}: {mean} ({_interval_in_words(comparison)}), {won}."


def _interval_in_words(comparison: Comparison) -> str:
    if comparison.lowest is None or comparison.highest is None:
        return "one seed has no interval"
    interval = (
        f"95 % interval of the difference: {comparison.lowest:,.2f} to {comparison.highest:,.2f}"
    )
    looks = "" if comparison.looks == 1 else f", corrected for {comparison.looks} looks"
    has_zero = comparison.lowest <= 0 <= comparison.highest
    few = (
        "" if comparison.verdict != UNDECIDED or has_zero else "; so few seeds may agree by chance"
    )
    return f"{interval}{looks}{few}"


@lru_cache(maxsize=1024)
def student_quantile(probability: float, freedom: int) -> float:
    """What Student's t with so many degrees of freedom (1 or more) is under with this probability,
    which is at least 0.5 and under 1.
    """
    if not 0.5 <= probability < 1 or freedom < 1:
        raise ValueError(f"There is no quantile {probability} of Student's t ({freedom})")
    low, high = 0.0, math.pi / 2  # of the angle whose tangent is t / sqrt(freedom)
    while low < (middle := (low + high) / 2) < high:
        if (1 + _within(middle, freedom)) / 2 < probability:
            low = middle
        else:
            high = middle
    return math.tan(low) * math.sqrt(freedom)


def _within(angle: float, freedom: int) -> float:
    """The probability that |t| is at most sqrt(freedom) tan(angle): Abramowitz and Stegun (1964),
    26.7.3 and 26.7.4.
    """
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = freedom % 2
    term = cosine if is_odd else 1.0
    total = 0.0
    for number in range(1 + is_odd, freedom, 2):
        total += term
        term *= cosine**2 * number / (number + 1)
    if is_odd:
        return (angle + sine * total) * 2 / math.pi
    return sine * total


def _interval(
    differences: Sequence[float], mean: float, error: float
) -> tuple[float, float] | None:
    count = len(differences)
    if count < LEAST_SEEDS:
        return None
    variance = math.fsum((each - mean) ** 2 for each in differences) / (count - 1)
    width = student_quantile(1 - error / 2, count - 1) * math.sqrt(variance / count)
    return mean - width, mean + width


def _verdict(
    differences: Sequence[float], interval: tuple[float, float] | None, error: float
) -> str:
    if not any(differences):
        return SAME
    if interval is None or interval[0] <= 0 <= interval[1]:
        return UNDECIDED
    if chance_of_signs(differences) > error:
        return UNDECIDED
    return BETTER if interval[0] > 0 else WORSE


def chance_of_signs(differences: Sequence[float]) -> float:
    """The p-value of the sign-flip test: how probable a mean at least so far from zero is, if the
    sign of each difference is drawn at random.

    It is counted, or else estimated from TOSSES choices of signs, always the same ones, so that the
    estimate is never too small by itself (Phipson and Smyth, "Permutation P-values should never be
    zero", 2010).
    """
    sizes = [abs(each) for each in differences if each]
    far = abs(math.fsum(differences)) * (1 - 1e-9)  # which rounding must not hide
    if len(sizes) <= MOST_COUNTED:
        sums = _sums_with_signs(sizes)
        return sum(abs(each) >= far for each in sums) / len(sums)
    tables = [_sums_with_signs(sizes[start : start + 8]) for start in range(0, len(sizes), 8)]
    chance = random.Random(len(sizes))
    tosses = (chance.randbytes(len(tables)) for _ in range(TOSSES))
    sums = [sum(map(_sum_for, tables, signs)) for signs in tosses]
    return (1 + sum(abs(each) >= far for each in sums)) / (1 + TOSSES)


def _sums_with_signs(sizes: Sequence[float]) -> list[float]:
    """The sum for every choice of signs."""
    sums = [0.0]
    for size in sizes:
        sums = [each + size for each in sums] + [each - size for each in sums]
    return sums


def _sum_for(sums: Sequence[float], signs: int) -> float:
    """That of a choice at random: a list of fewer than 256 has each as often as the others."""
    return sums[signs % len(sums)]
