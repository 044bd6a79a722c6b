"""The class file: what it says, and each mistake in a sentence."""

from pathlib import Path

import pytest

from disorderbook.classroom.plan import LONGEST_TEXT, ClassPlan, read_plan, rules_text
from disorderbook.rules.file import read_rules

PORTS = "port = 8080\nexchange_port = 8000\n"
ROUND = '[[round]]\nstocks = ["ACME"]\n'


def plan(folder: Path, text: str) -> ClassPlan:
    path = folder / "class.toml"
    path.write_text(text)
    return read_plan(path)


def test_a_plan_is_read(tmp_path: Path) -> None:
    read = plan(
        tmp_path,
        PORTS + 'hosts = ["exchange.example", "192.0.2.1"]\nopponents = ["noise:2"]\n'
        "[rules]\nband = 30\n" + ROUND + 'opponents = ["taker"]\nminutes = 0.5\nsettle = 5000\n'
        '[round.rules]\nself_trade = "refuse"\n[[round]]\nlevel = "first_steps"\n',
    )
    first, second = read.rounds
    assert (first.venue, first.stocks, first.minutes, first.settle) == (
        "ROUND1",
        ("ACME",),
        0.5,
        5000,
    )
    assert (second.level, second.title, second.seed) == ("first_steps", "Round 2", 2)
    assert read.bot_accounts == {"NOISE1", "NOISE2", "TAKERBOTS"}
    assert (read.url, read.books) == ("http://exchange.example:8080", 2)
    (tmp_path / "rules.toml").write_text(rules_text(read))
    rules = read_rules(str(tmp_path / "rules.toml")).of("ROUND1", "ACME")
    assert rules is not None and (rules.band, rules.self_trade) == (30, "refuse")
    assert rules_text(read) == '[market]\nband = 30\n\n[venues.ROUND1]\nself_trade = "refuse"\n'


@pytest.mark.parametrize(
    "port, tls, url",
    [
        (80, "false", "http://127.0.0.1"),
        (443, "true", "https://127.0.0.1"),
        (8443, "true", "https://127.0.0.1:8443"),
    ],
)
def test_a_usual_port_is_not_said(tmp_path: Path, port: int, tls: str, url: str) -> None:
    assert plan(tmp_path, f"port = {port}\nexchange_port = 8000\ntls = {tls}\n").url == url


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("", "port and exchange_port must be there"),
        ("port = 8000\nexchange_port = 8000", "must be there, and be two"),
        ("port = 0\nexchange_port = 1", "port is 0; it must be a whole number from 1 to 65535"),
        ("port = true\nexchange_port = 1", "port is True"),
        (PORTS + "colour = 1", "colour is no field"),
        (PORTS + "hosts = [1]", "hosts is .*a list of at most"),
        (PORTS + 'hosts = ["a b"]', "no host name"),
        (PORTS + 'mark = "best"', "mark is 'best'; it must be one of"),
        (PORTS + "rules = 1", "rules is 1; it must be a table"),
        (PORTS + "[rules]\nband = [1]", "a table of numbers and words"),
        (PORTS + "[rules]\nspread = 1", "what it says of rules .*spread"),
        (PORTS + ROUND + "[round.rules]\nband = 0", r"band = 0 in \[venues.ROUND1\]; allowed: "),
        (PORTS + "round = [1]", "round 1:  must be a table"),
        (PORTS + "[[round]]", "round 1: it needs stocks, or a level"),
        (
            PORTS + ROUND + "minutes = 0",
            "round 1: minutes is 0; it must be a number of minutes over",
        ),
        (PORTS + ROUND + "minutes = nan", "minutes is nan"),
        (PORTS + ROUND + 'opponents = ["nobody"]', "round 1: no bot is called 'nobody'"),
        (PORTS + ROUND + 'opponents = ["noise:0"]', "'noise:0' wants none, or more than 20"),
        (PORTS + ROUND + 'opponents = ["noise", "noise:2"]', "the bot noise is named twice"),
        (PORTS + ROUND + "settle = -1", "settle is -1"),
        (PORTS + ROUND + f'text = "{"x" * (LONGEST_TEXT + 1)}"', "a text of at most 130"),
        (PORTS + ROUND + 'text = "a\\nb"', "in one line"),
        (PORTS + ROUND + 'level = "first_steps"', "a level brings its own stock"),
        (PORTS + '[[round]]\nlevel = "last_steps"', "level is 'last_steps'; it must be one of"),
        (PORTS + '[[round]]\nstocks = ["A/B"]', "'A/B' is no name of a stock"),
        (PORTS + '[[round]]\nstocks = ["A", "A"]', "a stock is named twice"),
        (PORTS + "a = " + "[" * 5000, "nested too deeply|Expected|Invalid"),
        ("port", "Expected"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refused:
        plan(tmp_path, text)
    assert str(refused.value).startswith(str(tmp_path / "class.toml"))
    assert "\n" not in str(refused.value)
