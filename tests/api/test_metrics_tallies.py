"""Counting requests: by status and by time, in any number of threads."""

import threading

import pytest

from disorderbook.api.metrics import BOUNDS, COUNTED_AT_ONCE, Tallies


def test_a_request_is_counted_by_its_status_and_its_time() -> None:
    tallies = Tallies()
    tally = tallies.tally("GET", "/x")
    tally.times["200 OK"] += [0.00006, 0.00005]
    tally.times["404 Not Found"].append(2.0)
    [counted] = tallies.read()
    assert (counted.method, counted.route) == ("GET", "/x")
    assert counted.statuses == {200: 2, 404: 1}
    assert counted.seconds == pytest.approx(2.00011)
    found = {bound: count for bound, count in zip(BOUNDS, counted.buckets) if count}
    assert found == {0.00005: 1, 0.0001: 1} and counted.buckets[-1] == 1


def test_lines_of_one_status_count_as_one() -> None:
    tallies = Tallies()
    tally = tallies.tally("POST", "/x")
    tally.times["413 Content Too Large"].append(0.0)
    tally.times["413 Request Entity Too Large"].append(0.0)
    assert tallies.read()[0].statuses == {413: 2}


def test_a_route_that_was_sent_nothing_is_not_told() -> None:
    tallies = Tallies()
    assert tallies.tally("GET", "/x") is tallies.tally("GET", "/x") and tallies.read() == []


def test_what_was_read_does_not_change() -> None:
    tallies = Tallies()
    tallies.tally("GET", "/x").times["200 OK"].append(0.0)
    [before] = tallies.read()
    tallies.tally("GET", "/x").times["200 OK"].append(0.0)
    [after] = tallies.read()
    assert before.statuses == {200: 1} and sum(before.buckets) == 1
    assert after.statuses == {200: 2} and sum(after.buckets) == 2


def test_no_thread_loses_a_count() -> None:
    tallies, count = Tallies(), 20_000
    tally = tallies.tally("GET", "/x")

    def answer() -> None:
        for _ in range(count):
            times = tally.times["200 OK"]
            times.append(0.5)
            if len(times) >= COUNTED_AT_ONCE:
                tally.count()

    threads = [threading.Thread(target=answer) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        tallies.read()
    [counted] = tallies.read()
    assert counted.statuses == {200: 4 * count} and sum(counted.buckets) == 4 * count
    assert counted.seconds == 2 * count and not tally.times["200 OK"]
