"""Names and keys."""

from pathlib import Path

import pytest

from disorderbook.accounts import Accounts, load_accounts, sent_key
from disorderbook.errors import NoKey, WrongKey

ACCOUNTS = Accounts({"ANN": "annkey", "ZOË": "schlüssel"})


def test_without_keys_anybody_acts_for_anybody() -> None:
    Accounts().authorize("ANN", None)
    assert Accounts().account_of(None) is None and not Accounts().need_keys


def test_the_right_key_authorizes() -> None:
    ACCOUNTS.authorize("ANN", "annkey")
    ACCOUNTS.authorize("ZOË", "schlüssel")
    assert ACCOUNTS.account_of("schlüssel") == "ZOË"


@pytest.mark.parametrize("account, key", [
    ("ANN", "wrong"), ("ANN", "annke"), ("ANN", "annkeyy"), ("ANN", ""),
    ("ANN", "schlüssel"), ("BOB", "annkey"), ("BOB", ""), ("ANN", "\udcff"),
])
def test_a_wrong_key_or_account_does_not(account: str, key: str) -> None:
    with pytest.raises(WrongKey):
        ACCOUNTS.authorize(account, key)


def test_an_unknown_key_belongs_to_nobody() -> None:
    with pytest.raises(WrongKey):
        ACCOUNTS.account_of("wrong")


def test_no_key_is_its_own_refusal() -> None:
    for ask in (lambda: ACCOUNTS.authorize("ANN", None), lambda: ACCOUNTS.account_of(None)):
        with pytest.raises(NoKey):
            ask()


@pytest.mark.parametrize("headers, key", [
    ({}, None), ({"A": ""}, None), ({"A": "1", "B": "2", "C": "api_key=3"}, "1"),
    ({"A": "", "B": "2", "C": "api_key=3"}, "2"), ({"C": "api_key=3"}, "3"),
    ({"C": "a/b=1; []=2; flag; n={\"x\":1};api_key = \"3\" ; api_key=4"}, "3"),
    ({"C": "my_api_key=3; api_keys=4"}, None), ({"C": "api_key="}, None),
    ({"A": "schl\xc3\xbcssel"}, "schlüssel"), ({"A": "\xff"}, "\N{REPLACEMENT CHARACTER}"),
])
def test_a_key_is_taken_from_the_first_place_that_has_one__difference_9(
    headers: dict[str, str], key: str | None
) -> None:
    assert sent_key(headers, ("A", "B", "C")) == key


def test_the_example_file_has_the_bots() -> None:
    accounts = load_accounts(str(Path(__file__).parent.parent / "accounts.json"))
    for account, key in (
        ("NOISEBOTS", "noisekey"), ("BLSHBOTS", "blshkey"), ("EXTREMEBOT", "extremekey"),
        ("MAKERBOTS", "makerkey"), ("TAKERBOTS", "takerkey"),
    ):
        accounts.authorize(account, key)


@pytest.mark.parametrize("content, complaint", [
    ("{", "is not valid JSON"), ("[]", "must hold a JSON object"), ('{"A": 1}', "must hold"),
    ("{}", "names no account"), ('{"A": ""}', "key that cannot be sent"),
    ('{"A": " k "}', "cannot be sent"), ('{"A": "\\ud800"}', "cannot be sent"),
    ('{"": "k"}', "cannot be named"), ('{"A\\ud800": "k"}', "cannot be named"),
    (f'{{"{"A" * 256}": "k"}}', "cannot be named"), ('{"A": "k", "B": "k"}', "the same key"),
    ("[" * 100_000, "nested too deeply"),
    ('{"A": "k", "A": "l"}', "twice"),
])
def test_a_malformed_file_is_refused_in_a_sentence(
    tmp_path: Path, content: str, complaint: str
) -> None:
    path = tmp_path / "accounts.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=complaint):
        load_accounts(str(path))
