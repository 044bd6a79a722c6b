"""Every refusal has one family, one sentence and one status."""

import inspect

import pytest

from disorderbook import errors
from disorderbook.api.app import STATUSES

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass)]
FAMILIES = {errors.ExchangeError, *errors.ExchangeError.__subclasses__()}
REFUSALS = [c for c in CLASSES if c not in FAMILIES]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda c: c.__name__)
def test_a_refusal_belongs_to_one_family_with_a_status(refusal: type) -> None:
    assert len([c for c in refusal.__mro__ if c in STATUSES]) == 1


def sentence_of(refusal: type[errors.ExchangeError]) -> str:
    """Its own, or the one that is made for each case with what it names."""
    if "sentence" in vars(refusal):
        return refusal.sentence
    return refusal(*["X" for _ in inspect.signature(refusal).parameters]).sentence


def test_no_two_refusals_say_the_same() -> None:
    sentences = list(map(sentence_of, REFUSALS))
    assert len(set(sentences)) == len(sentences)
    assert errors.ExchangeError.sentence not in sentences


def test_a_refusal_reads_as_its_sentence() -> None:
    assert str(errors.BadJson()) == "Incoming data was not valid JSON"
    assert str(errors.NoSuchVenue("X")) == "Venue X does not exist (create it by using it)"
