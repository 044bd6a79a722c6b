"""The same complaint is made often enough to be seen, and no oftener."""

import pytest

from disorderbook.runner.display import FREE_REPEATS, MAX_KINDS, Complaints


def test_what_differs_in_numbers_alone_is_said_a_few_times(
    capsys: pytest.CaptureFixture[str],
) -> None:
    complain = Complaints()
    for number in range(100):
        complain(f"Refused: order {number}")
        complain("Gone.") if number % 10 == 0 else None
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line != "Gone."] == [
        f"Refused: order {number}" for number in range(FREE_REPEATS)
    ]
    assert lines.count("Gone.") == FREE_REPEATS


def test_after_a_silence_it_is_said_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("disorderbook.runner.display.INTERVAL", 0.0)
    complain = Complaints()
    for _ in range(9):
        complain("Again.")
    assert capsys.readouterr().err.count("Again.") == 9


def test_any_number_of_different_sentences_takes_bounded_memory() -> None:
    complain = Complaints()
    for number in range(2 * MAX_KINDS):
        complain("x" * number)
    assert len(complain._kinds) <= MAX_KINDS
