"""Names and keys."""

import re
from urllib.parse import quote

import pytest

from disorderbook.accounts import (
    KEY_LETTERS,
    MAX_KEY_BYTES,
    Accounts,
    can_be_sent,
    check_keys,
    new_key,
    sent_key,
)
from disorderbook.errors import NoKey, WrongKey
from disorderbook.tape.subscriptions import subscription

ACCOUNTS = Accounts({"ANN": "annkey", "ZOË": "schlüssel"})


def test_without_keys_anybody_acts_for_anybody() -> None:
    Accounts().authorize("ANN", None)
    assert Accounts().account_of(None) is None and not Accounts().need_keys


def test_the_right_key_authorizes() -> None:
    ACCOUNTS.authorize("ANN", "annkey")
    ACCOUNTS.authorize("ZOË", "schlüssel")
    assert ACCOUNTS.account_of("schlüssel") == "ZOË"


@pytest.mark.parametrize(
    "account, key",
    [
        ("ANN", "wrong"),
        ("ANN", "annke"),
        ("ANN", "annkeyy"),
        ("ANN", ""),
        ("ANN", "schlüssel"),
        ("BOB", "annkey"),
        ("BOB", ""),
        ("ANN", "\udcff"),
    ],
)
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


@pytest.mark.parametrize(
    "headers, key",
    [
        ({}, None),
        ({"A": ""}, None),
        ({"A": "1", "B": "2", "C": "api_key=3"}, "1"),
        ({"A": "", "B": "2", "C": "api_key=3"}, "2"),
        ({"C": "api_key=3"}, "3"),
        ({"C": 'a/b=1; []=2; flag; n={"x":1};api_key = "3" ; api_key=4'}, "3"),
        ({"C": "my_api_key=3; api_keys=4"}, None),
        ({"C": "api_key="}, None),
        ({"A": "schl\xc3\xbcssel"}, "schlüssel"),
        ({"A": "\xff"}, "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_a_key_is_taken_from_the_first_place_that_has_one__difference_9(
    headers: dict[str, str], key: str | None
) -> None:
    assert sent_key(headers, ("A", "B", "C")) == key


def test_an_owner_is_known_by_the_key_alone() -> None:
    assert ACCOUNTS.owner_of("annkey") == "ANN"
    assert ACCOUNTS.owner_of("wrong") is ACCOUNTS.owner_of(None) is ACCOUNTS.owner_of("") is None
    assert Accounts().owner_of("annkey") is None


def test_keys_can_be_replaced() -> None:
    accounts = Accounts({"ANN": "old", "BOB": "bobkey"})
    assert accounts.version == 0
    accounts.replace({"ANN": "new", "CAT": "catkey"})
    assert accounts.version == 1
    accounts.authorize("ANN", "new")
    accounts.authorize("CAT", "catkey")
    for account, key in (("ANN", "old"), ("BOB", "bobkey")):
        with pytest.raises(WrongKey):
            accounts.authorize(account, key)


SENDABLE = [
    "k",
    "annkey",
    "schl\u00fcssel",
    "a b",
    "a,b",
    "a=b",
    "a%41+&?#/\\b",
    'a"b',
    "'a'",
    "{[(a)]}:@",
    "k" * MAX_KEY_BYTES,
    "\u00fc" * (MAX_KEY_BYTES // 2),
    "\U0001f511",
]
NOT_SENDABLE = [
    "",
    " k",
    "k ",
    "\u00a0k",
    "k\n",
    "k\r\nX: y",
    "k\tl",
    "k\x00l",
    "k\x7fl",
    "k\u2028l",
    "\ud800",
    "k;l",
    '"k"',
    'k"',
    '"k',
    "k" * (MAX_KEY_BYTES + 1),
    "\u00fc" * (MAX_KEY_BYTES // 2 + 1),
]


@pytest.mark.parametrize("key", SENDABLE, ids=ascii)
def test_a_key_that_is_taken_arrives_from_each_place(key: str) -> None:
    check_keys("accounts", {"ANN": key})
    sent = key.encode().decode("latin-1")  # as servers give bytes to an application
    assert sent_key({"A": sent}, ("A", "B", "C")) == key
    assert sent_key({"C": f"a=b; api_key={sent}; c=d"}, ("A", "B", "C")) == key
    path, quoted = "/ob/api/ws/ANN/venues/V/executions", quote(key, safe="")
    for target in (f"{path}?api_key={quoted}", f"/key/{quoted}{path}"):
        assert subscription(target, {}, Accounts({"ANN": key})).account == "ANN"


@pytest.mark.parametrize("key", NOT_SENDABLE, ids=ascii)
def test_a_key_that_can_never_be_sent_is_refused_by_its_account(key: str) -> None:
    with pytest.raises(ValueError, match="a key that cannot be sent, for the account 'ANN'") as why:
        check_keys("accounts", {"BOB": "bobkey", "ANN": key})
    assert len(key) < 3 or key not in str(why.value)


@pytest.mark.parametrize("account", ["", "a\nb", "x" * 256, "\ud800", 7, None])
def test_an_account_that_cannot_be_named_is_refused(account: object) -> None:
    with pytest.raises(ValueError, match="accounts has an account that cannot be named: "):
        check_keys("accounts", {account: "k"})


def test_two_accounts_with_one_key_are_both_named_and_the_key_is_not() -> None:
    with pytest.raises(ValueError, match="the same key to two accounts, 'ANN' and 'CAT'") as why:
        check_keys("accounts", {"ANN": "secret", "BOB": "bobkey", "CAT": "secret"})
    assert "secret" not in str(why.value)


def test_keys_can_be_typed_and_sent_and_differ() -> None:
    keys = [new_key() for _ in range(200)]
    assert len({*keys}) == 200 and all(map(can_be_sent, keys))
    assert all(
        re.fullmatch(rf"([{KEY_LETTERS}]{{4}}-){{2}}[{KEY_LETTERS}]{{4}}", key) for key in keys
    )
