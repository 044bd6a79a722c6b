"""URLs of the tape: the four forms, what is tolerated, what is refused, and who needs a key."""

from http.client import HTTPMessage

import pytest

from disorderbook.accounts import Accounts
from disorderbook.errors import ExchangeError, NameTooLong, NoKey, WrongKey
from disorderbook.tape.subscriptions import FORMS, NoSuchTape, Subscription, subscription

ANYBODY = Accounts()
WITH_KEYS = Accounts({"ANN": "annkey", "BÖB": "schlüssel"})
EXECUTIONS = "/ob/api/ws/ANN/venues/V/executions"


def asked(target: str, accounts: Accounts = ANYBODY, **headers: str) -> Subscription:
    """What a request is to hear; the target and headers as they come over the wire, in UTF-8."""
    message = HTTPMessage()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value.encode().decode("latin-1")
    return subscription(target.encode().decode("latin-1"), message, accounts)


@pytest.mark.parametrize("target, expected", [
    ("/ob/api/ws/ANN/venues/V/tickertape", (None, "V", None)),
    ("/ob/api/ws/ANN/venues/V/tickertape/stocks/S", (None, "V", "S")),
    ("/ob/api/ws/ANN/venues/V/executions", ("ANN", "V", None)),
    ("/ob/api/ws/ANN/venues/V/executions/stocks/S", ("ANN", "V", "S")),
])
def test_the_four_forms(target: str, expected: tuple[str | None, ...]) -> None:
    assert asked(target) == expected


@pytest.mark.parametrize("target, expected", [
    ("/ob/api/ws/A/venues/V/executions/", ("A", "V", None)),
    ("/ob/api/ws/A/venues/V/executions?x=/ws/", ("A", "V", None)),
    ("/ob/api/ws/A/venues/V/tickertape/stocks/S/?", (None, "V", "S")),
    ("/ws/A/venues/V/executions", ("A", "V", None)),
    ("/some/where/else/ws/A/venues/V/executions", ("A", "V", None)),
    ("ws://127.0.0.1:8001/ob/api/ws/A/venues/V/executions", ("A", "V", None)),
    ("/ob/api/ws/ws/venues/V/executions", ("ws", "V", None)),
    ("/ob/api/ws/venues/venues/stocks/executions/stocks/ws", ("venues", "stocks", "ws")),
    ("/ob/api/ws/A%20B/venues/%56/executions/stocks/S%2FS", ("A B", "V", "S/S")),
    ("/ob/api/ws/%C3%89/venues/%E6%97%A5/executions", ("É", "日", None)),
    ("/ob/api/ws/É/venues/日/executions", ("É", "日", None)),
    ("/ob/api/ws/A+B/venues/V/executions", ("A+B", "V", None)),
    (f"/ob/api/ws/{'A' * 255}/venues/V/executions", ("A" * 255, "V", None)),
])
def test_what_is_tolerated__difference_12(target: str, expected: tuple[str | None, ...]) -> None:
    assert asked(target) == expected


@pytest.mark.parametrize("target", [
    "/", "", "*", "/ob/api/ws", "/ob/api/ws/", "/ob/api/ws/ANN", "/ob/api/ws/ANN/venues/V",
    "/ob/api/ws/ANN/venues/V/", "/ob/api/ws/ANN/venues//tickertape",
    "/ob/api/ws//venues/V/tickertape",
    "/ob/api/ws/ANN/venues/V/tickertape/stocks", "/ob/api/ws/ANN/venues/V/tickertape/stocks/",
    "/ob/api/ws/ANN/venues/V/tickertape/S", "/ob/api/ws/ANN/venues/V/tickertape/stocks/S/T",
    "/ob/api/ws/ANN/venues/V/tickertapes", "/ob/api/ws/ANN/venues/V/TICKERTAPE",
    "/ob/api/ws/ANN/venues/V/executions//", "/ob/api/ws/ANN/venue/V/executions",
    "/ob/api/venues/V/stocks/S", "ws/ANN/venues/V/executions", "/ws/A/venues/%FF/executions",
])
def test_what_is_none_of_the_four_is_refused_by_name__difference_12(target: str) -> None:
    with pytest.raises(NoSuchTape) as refusal:
        asked(target)
    assert refusal.value.sentence.startswith(f"{target} is not one of ")
    assert all(form in refusal.value.sentence for form in FORMS)


@pytest.mark.parametrize("target", [
    f"/ob/api/ws/{'A' * 256}/venues/V/tickertape",
    f"/ob/api/ws/A/venues/{'V' * 256}/tickertape",
    f"/ob/api/ws/A/venues/V/executions/stocks/{'S' * 256}",
])
def test_a_name_over_255_characters_is_refused__difference_18(target: str) -> None:
    with pytest.raises(NameTooLong):
        asked(target)


@pytest.mark.parametrize("query, headers", [
    ("", {"X_Starfighter_Authorization": "annkey"}),
    ("", {"x_stockfighter_authorization": "annkey"}),
    ("", {"Cookie": "theme=dark; api_key=annkey; x=1"}),
    ("?api_key=annkey", {}),
    ("?x=1&api_key=ann%6Bey", {}),
    ("?api_key=wrong", {"X_Starfighter_Authorization": "annkey"}),
    ("?api_key=wrong", {"Cookie": "api_key=annkey"}),
    ("?api_key=annkey", {"Cookie": "{json} is no cookie"}),
    ("?api_key=annkey", {"X_Starfighter_Authorization": ""}),
    ("", {"X_Starfighter_Authorization": "annkey", "X_Stockfighter_Authorization": "wrong"}),
])
def test_executions_need_the_key_of_their_account__difference_13(
    query: str, headers: dict[str, str]
) -> None:
    assert asked(EXECUTIONS + query, WITH_KEYS, **headers) == ("ANN", "V", None)


@pytest.mark.parametrize("query, headers, refusal", [
    ("", {}, NoKey),
    ("?key=annkey", {}, NoKey),
    ("?api_key=", {}, NoKey),
    ("?api_key=wrong", {}, WrongKey),
    ("", {"X_Starfighter_Authorization": "schlüssel"}, WrongKey),
    ("?api_key=annkey", {"X_Starfighter_Authorization": "wrong"}, WrongKey),
])
def test_without_the_key_executions_are_refused__difference_13(
    query: str, headers: dict[str, str], refusal: type[ExchangeError]
) -> None:
    for target in (EXECUTIONS, EXECUTIONS + "/stocks/S"):
        with pytest.raises(refusal):
            asked(target + query, WITH_KEYS, **headers)


def test_keys_and_accounts_beyond_ascii_work() -> None:
    target = "/ob/api/ws/B%C3%96B/venues/V/executions"
    expected = Subscription("BÖB", "V", None)
    assert asked(target, WITH_KEYS, X_Starfighter_Authorization="schlüssel") == expected
    assert asked(target + "?api_key=schl%C3%BCssel", WITH_KEYS) == expected


def test_ticks_need_no_key() -> None:
    assert asked("/ob/api/ws/NOBODY/venues/V/tickertape", WITH_KEYS) == (None, "V", None)
