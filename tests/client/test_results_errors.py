"""The family of errors."""

import pickle

import pytest

from disorderbook.client.results import ExchangeUnreachable, MarketClosed, MarketError, Refused


@pytest.mark.parametrize(
    "error, sentence",
    [
        (Refused("No such path", 404), "No such path"),
        (Refused("No such path", 404, 'the path is "/x"'), "No such path"),
        (ExchangeUnreachable("No answer", was_sent=True), "No answer"),
        (MarketClosed(), "This market was closed"),
    ],
)
def test_an_error_is_its_sentence_and_travels_between_processes(
    error: MarketError, sentence: str
) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(error, MarketError)
    assert str(error) == str(again) == sentence and vars(again) == vars(error)
