"""Results, and what is remembered of players."""

from disorderbook.game.results import MOST_RECORDS, MOST_RESULTS, LevelResult, Results

RESULT = LevelResult("sell_side", "ANN", "won", 7, 500, 3, False, 1, False, 0)


def test_the_newest_come_first_and_the_oldest_are_forgotten() -> None:
    results = Results()
    for number in range(MOST_RESULTS + 5):
        results.add("p", RESULT._replace(ts=number))
    assert [result.ts for result in results] == [*range(MOST_RESULTS + 4, 4, -1)]


def test_the_best_is_won_in_few_days_or_lost_with_much_money() -> None:
    results = Results()
    assert results.best("p", "sell_side") is None
    order = [
        RESULT._replace(state="lost", days=1, nav=-(10**9)),
        RESULT._replace(state="lost", days=499, nav=400),
        RESULT._replace(state="lost", days=7, nav=10**9),
        RESULT._replace(state="lost", days=8, nav=10**9),
        RESULT._replace(days=90),
        RESULT._replace(days=9),
        RESULT._replace(days=9, nav=501),
    ]
    for result in order:
        results.add("p", result)
        assert results.best("p", "sell_side") == result
    for result in order:
        results.add("p", result)
        assert results.best("p", "sell_side") == order[-1]
    assert results.best("q", "sell_side") is None and results.best("p", "first_steps") is None


def test_starts_are_counted_for_those_who_played_last() -> None:
    results = Results()
    assert [results.count_start("p", "a"), results.count_start("p", "b")] == [1, 1]
    assert results.count_start("p", "a") == 2
    for number in range(MOST_RECORDS - 1):
        results.count_start(str(number), "a")
    assert results.count_start("p", "b") == 1  # was forgotten
    assert results.count_start("p", "a") == 1
