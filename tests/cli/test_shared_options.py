"""The options that an exchange and a relay have both."""

from collections.abc import Sequence

import pytest

from disorderbook.cli.main import make_parser

RELAY = ["relay", "nats://h"]


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        (["-p", "8123"], "port", 8123),
        (["-a", "keys.json"], "accounts", "keys.json"),
        (["--maxlisteners", "7"], "maxlisteners", 7),
        (
            ["--allowed-host", "A.example", "--allowed-host", "b"],
            "allowed_hosts",
            ["a.example", "b"],
        ),
        (["--log-level", "debug"], "log_level", "debug"),
    ],
)
def test_both_read_them_alike(options: Sequence[str], name: str, value: object) -> None:
    parser = make_parser()
    assert getattr(parser.parse_args(options), name) == value
    assert getattr(parser.parse_args([*RELAY, *options]), name) == value


@pytest.mark.parametrize(
    "options",
    [
        ["-p", "65536"],
        ["--maxlisteners", "0"],
        ["--allowed-host", "a b"],
        ["--log-level", "loud"],
    ],
)
def test_both_refuse_them_in_one_sentence(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for arguments in (options, [*RELAY, *options]):
        with pytest.raises(SystemExit) as end:
            make_parser().parse_args(arguments)
        assert end.value.code == 2
        told.append(capsys.readouterr().err)
    assert told[0] == told[1] and "argument" in told[0]


def test_the_files_for_nats_have_a_prefix_at_an_exchange() -> None:
    parser = make_parser()
    files = ["c.creds", "ca.pem"]
    relay = parser.parse_args([*RELAY, "--credentials", files[0], "--ca", files[1]])
    assert [relay.credentials, relay.ca] == files
    exchange = parser.parse_args(["--publish-credentials", files[0], "--publish-ca", files[1]])
    assert [exchange.publish_credentials, exchange.publish_ca] == files
