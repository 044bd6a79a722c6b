"""Before bots start it is known whether there is an exchange and whether the keys are good."""

from pathlib import Path

import pytest
from live import Exchange, running

from disorderbook.client import Market, Refused
from disorderbook.runner.gateway import (
    Endpoint,
    NotAdmitted,
    check_account,
    check_exchange,
    key_from,
    read_keys,
)


def endpoint(url: str, venue: str = "TESTEX", symbol: str = "FOOBAR") -> Endpoint:
    return Endpoint(url, venue, symbol)


def test_an_exchange_is_recognized_and_nothing_is_ordered(exchange: Exchange, venue: str) -> None:
    place = endpoint(exchange.url, venue, "A B")
    check_exchange(place)
    check_account(place, "ANN", "")
    with Market(venue, "A B", url=exchange.url) as market, pytest.raises(Refused):
        market.status(0)


def test_what_is_no_exchange_is_told_apart(exchange: Exchange) -> None:
    with pytest.raises(NotAdmitted, match="answers 404, so it is no exchange"):
        check_exchange(endpoint(exchange.url + "elsewhere/"))


def test_what_speaks_no_json_is_told_apart(exchange: Exchange) -> None:
    page = exchange.url.removesuffix("ob/api/") + "docs/"
    with pytest.raises(NotAdmitted, match="does not answer as an exchange does|no exchange"):
        check_exchange(endpoint(page))


def test_an_exchange_that_is_not_there_is_a_sentence_with_what_to_type() -> None:
    with running() as exchange:
        pass
    with pytest.raises(NotAdmitted, match="No exchange answers at http.* -m disorderbook"):
        check_exchange(endpoint(exchange.url))


def test_a_key_is_tried_before_bots_start() -> None:
    with running("-a", "accounts.json") as exchange:
        check_account(endpoint(exchange.url), "NOISEBOTS", "noisekey")
        for account, key in (("NOISEBOTS", "wrong"), ("NOISE1", "noisekey"), ("NOISEBOTS", "")):
            with pytest.raises(NotAdmitted, match=f"does not let {account} trade.*--accounts"):
                check_account(endpoint(exchange.url), account, key)


@pytest.mark.parametrize(
    "content, complaint",
    [
        ("{", "is not valid JSON"),
        ("\udcff", "is not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "no JSON object of names and keys"),
        ('{"A": 1}', "no JSON object of names and keys"),
    ],
)
def test_a_file_that_holds_no_keys_is_refused(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(NotAdmitted, match=complaint):
        read_keys(path)
    with pytest.raises(NotAdmitted, match="No such file"):
        read_keys(tmp_path / "none.json")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_bots_read_the_files_that_the_exchange_reads(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes('{"ZOË": "schlüssel"}'.encode(encoding))
    assert read_keys(path) == {"ZOË": "schlüssel"}


def test_an_account_without_a_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text('{"NOISE1": "k"}')
    assert key_from(read_keys(path), "NOISE1") == "k"
    with pytest.raises(NotAdmitted, match="names no account NOISE2"):
        key_from(read_keys(path), "NOISE2")
