"""The options of the command line. (test_cli.py has what is refused.)"""

import pytest

from disorderbook.cli.main import make_parser


def test_the_defaults_are_those_of_the_original() -> None:
    options = make_parser().parse_args([])
    assert (options.port, options.wsport, options.maxbooks) == (8000, 8001, 100)
    assert (options.venue, options.symbol, options.accounts) == (None, None, None)
    assert not options.extra and not options.websockets


def test_nothing_less_than_a_warning_is_logged_unless_asked_for() -> None:
    assert make_parser().parse_args([]).log_level == "warning"
    assert make_parser().parse_args(["--log-level", "debug"]).log_level == "debug"


@pytest.mark.parametrize(
    "spelling, name, value",
    [
        (["-p", "9"], "port", 9),
        (["-b", "9"], "maxbooks", 9),
        (["-v", "X"], "venue", "X"),
        (["-s", "X"], "symbol", "X"),
        (["--symbol", "X"], "symbol", "X"),
        (["--stock", "X"], "symbol", "X"),
        (["-a", "X"], "accounts", "X"),
        (["-e"], "extra", True),
        (["--extra"], "extra", True),
        (["--excess"], "extra", True),
        (["-w"], "websockets", True),
        (["--ws"], "websockets", True),
        (["--websocket"], "websockets", True),
        (["--websockets"], "websockets", True),
        (["--wsport", "9"], "wsport", 9),
        (["--maxlisteners", "7436"], "maxlisteners", 7436),
        ([], "maxlisteners", 4096),
        (["--day-seconds", "0.05"], "day_seconds", 0.05),
        (["--day-seconds", "60"], "day_seconds", 60.0),
        ([], "day_seconds", 5.0),
        (["--seed", "9007199254740991"], "seed", 2**53 - 1),
        ([], "seed", None),
        (["--maxinstances", "1"], "maxinstances", 1),
        ([], "maxinstances", 200),
        (["--shard", "2/3"], "shard", (2, 3)),
        ([], "shard", None),
        (["--ws_port", "9"], "wsport", 9),
    ],
)
def test_every_spelling_of_the_original_is_kept(
    spelling: list[str], name: str, value: object
) -> None:
    assert getattr(make_parser().parse_args(spelling), name) == value


def test_host_names_are_allowed_as_often_as_one_likes__difference_30() -> None:
    assert make_parser().parse_args([]).allowed_hosts == []
    options = make_parser().parse_args(["--allowed-host", "A.example", "--allowed-host", "b"])
    assert options.allowed_hosts == ["a.example", "b"]
