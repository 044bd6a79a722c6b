"""URLs of the tape: the four forms, what is tolerated, what is refused, and who needs a key."""

from urllib.parse import quote

import pytest

from disorderbook.accounts import Accounts
from disorderbook.errors import ExchangeError, NameTooLong, NoKey, WrongKey
from disorderbook.server.head import Environ, add_headers
from disorderbook.tape.subscriptions import FORMS, NoSuchTape, Subscription, subscription

ANYBODY = Accounts()
WITH_KEYS = Accounts({"ANN": "annkey", "BÖB": "schlüssel"})
EXECUTIONS = "/ob/api/ws/ANN/venues/V/executions"


def asked(target: str, accounts: Accounts = ANYBODY, **headers: str) -> Subscription:
    """What a request is to hear; the target and headers as they come over the wire, in UTF-8."""
    environ: Environ = {}
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    add_headers(environ, lines)
    return subscription(target.encode().decode("latin-1"), environ, accounts)


@pytest.mark.parametrize(
    "target, expected",
    [
        ("/ob/api/ws/ANN/venues/V/tickertape", (None, "V", None)),
        ("/ob/api/ws/ANN/venues/V/tickertape/stocks/S", (None, "V", "S")),
        ("/ob/api/ws/ANN/venues/V/executions", ("ANN", "V", None)),
        ("/ob/api/ws/ANN/venues/V/executions/stocks/S", ("ANN", "V", "S")),
    ],
)
def test_the_four_forms(target: str, expected: tuple[str | None, ...]) -> None:
    assert asked(target) == expected


@pytest.mark.parametrize(
    "target, expected",
    [
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
        ("/ob/api/ws/key/venues/key/executions/stocks/ob", ("key", "key", "ob")),
    ],
)
def test_what_is_tolerated__difference_12(target: str, expected: tuple[str | None, ...]) -> None:
    assert asked(target) == expected


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "",
        "*",
        "/ob/api/ws",
        "/ob/api/ws/",
        "/ob/api/ws/ANN",
        "/ob/api/ws/ANN/venues/V",
        "/ob/api/ws/ANN/venues/V/",
        "/ob/api/ws/ANN/venues//tickertape",
        "/ob/api/ws//venues/V/tickertape",
        "/ob/api/ws/ANN/venues/V/tickertape/stocks",
        "/ob/api/ws/ANN/venues/V/tickertape/stocks/",
        "/ob/api/ws/ANN/venues/V/tickertape/S",
        "/ob/api/ws/ANN/venues/V/tickertape/stocks/S/T",
        "/ob/api/ws/ANN/venues/V/tickertapes",
        "/ob/api/ws/ANN/venues/V/TICKERTAPE",
        "/ob/api/ws/ANN/venue/V/executions",
        "/ob/api/venues/V/stocks/S",
        "ws/ANN/venues/V/executions",
        "/ws/A/venues/%FF/executions",
    ],
)
def test_what_is_none_of_the_four_is_refused_by_name__difference_12(target: str) -> None:
    with pytest.raises(NoSuchTape) as refusal:
        asked(target)
    assert refusal.value.sentence.startswith(f"{target} is not one of ")
    assert all(form in refusal.value.sentence for form in FORMS)


@pytest.mark.parametrize(
    "target",
    [
        "//ob/api/ws/A/venues/V/executions",
        "/ob//api///ws/A/venues/V/executions",
        "/ob/api/ws//A//venues//V//executions//",
    ],
)
def test_doubled_slashes_count_as_one__difference_24(target: str) -> None:
    assert asked(target) == ("A", "V", None)


@pytest.mark.parametrize(
    "target",
    [
        f"/ob/api/ws/{'A' * 256}/venues/V/tickertape",
        f"/ob/api/ws/A/venues/{'V' * 256}/tickertape",
        f"/ob/api/ws/A/venues/V/executions/stocks/{'S' * 256}",
    ],
)
def test_a_name_over_255_characters_is_refused__difference_18(target: str) -> None:
    with pytest.raises(NameTooLong):
        asked(target)


@pytest.mark.parametrize(
    "query, headers",
    [
        ("", {"X_Starfighter_Authorization": "annkey"}),
        ("", {"x_stockfighter_authorization": "annkey"}),
        ("", {"Cookie": "theme=dark; api_key=annkey; x=1"}),
        ("?api_key=annkey", {}),
        ("?x=1&api_key=ann%6Bey", {}),
        ("?api_key=&api_key=annkey", {}),
        ("?api_key=wrong", {"X_Starfighter_Authorization": "annkey"}),
        ("?api_key=wrong", {"Cookie": "api_key=annkey"}),
        ("?api_key=annkey", {"Cookie": "{json} is no cookie"}),
        ("?api_key=annkey", {"X_Starfighter_Authorization": ""}),
        ("", {"X_Starfighter_Authorization": "annkey", "X_Stockfighter_Authorization": "wrong"}),
    ],
)
def test_executions_need_the_key_of_their_account__difference_13(
    query: str, headers: dict[str, str]
) -> None:
    assert asked(EXECUTIONS + query, WITH_KEYS, **headers) == ("ANN", "V", None)


@pytest.mark.parametrize(
    "query, headers, refusal",
    [
        ("", {}, NoKey),
        ("?key=annkey", {}, NoKey),
        ("?api_key=", {}, NoKey),
        ("?api_key=wrong", {}, WrongKey),
        ("", {"X_Starfighter_Authorization": "schlüssel"}, WrongKey),
        ("?api_key=annkey", {"X_Starfighter_Authorization": "wrong"}, WrongKey),
    ],
)
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
    for key in ("schl%C3%BCssel", "schlüssel"):
        assert asked(target + "?api_key=" + key, WITH_KEYS) == expected


@pytest.mark.parametrize(
    "prefix, query, headers",
    [
        ("/key/annkey", "", {}),
        ("/key/ann%6Bey", "", {}),
        ("//key//annkey/", "", {}),
        ("/behind/a/proxy/key/annkey", "", {}),
        ("/key/other/key/annkey", "", {}),
        ("ws://127.0.0.1:8001/key/annkey", "", {}),
        ("/key/annkey", "?api_key=wrong", {}),
        ("/key/wrong", "", {"X_Starfighter_Authorization": "annkey"}),
        ("/key/wrong", "", {"Cookie": "api_key=annkey"}),
    ],
)
def test_a_key_may_stand_in_the_path__difference_25(
    prefix: str, query: str, headers: dict[str, str]
) -> None:
    for end in ("", "/stocks/S"):
        wanted = asked(prefix + EXECUTIONS + end + query, WITH_KEYS, **headers)
        assert wanted == ("ANN", "V", "S" if end else None)
    assert asked(f"{prefix}/ob/api/ws/ANN/venues/V/tickertape") == (None, "V", None)


@pytest.mark.parametrize(
    "target, refusal",
    [
        ("/key/wrong" + EXECUTIONS, WrongKey),
        ("/key/wrong" + EXECUTIONS + "?api_key=annkey", WrongKey),
        ("/key" + EXECUTIONS, NoKey),
        ("/key/" + EXECUTIONS, NoKey),
        ("/key/ann/key" + EXECUTIONS, NoKey),  # a slash in a key is %2F
        ("/annkey" + EXECUTIONS, NoKey),
        ("/key/annkey/ws/ANN/venues/V/executions", NoKey),
        ("/ob/api/ws/ANN/key/annkey/venues/V/executions", NoSuchTape),
    ],
)
def test_what_is_no_key_in_the_path_is_none__difference_25(
    target: str, refusal: type[ExchangeError]
) -> None:
    with pytest.raises(refusal):
        asked(target, WITH_KEYS)


@pytest.mark.parametrize("key", ["a/b c", "schlüssel", "100%", "ob/api", "?x=1&y", "#"])
def test_any_key_can_be_sent_in_a_path__difference_25(key: str) -> None:
    keys = Accounts({"ANN": key})
    assert asked(f"/key/{quote(key, safe='')}{EXECUTIONS}", keys).account == "ANN"


@pytest.mark.parametrize(
    "target, named",
    [
        ("/key/secret/ob/api/ws/ANN/nonsense", "/key/KEY/ob/api/ws/ANN/nonsense"),
        ("/key/secret/ob/api", "/key/KEY/ob/api"),
        ("/key/secret", "/key/KEY"),
        ("/key/secret/secret/ob/api/ws/", "/key/KEY/ob/api/ws/"),
        ("/proxy//key//secret//ob//api/ws", "/proxy//key/KEY//ob//api/ws"),
        ("/key/secret/ws/ANN", "/key/KEY"),
        (
            "/key/secret/ob/api/ws/A/venues/%FF/executions",
            "/key/KEY/ob/api/ws/A/venues/%FF/executions",
        ),
        ("/ob/api/ws/key/nonsense", "/ob/api/ws/key/nonsense"),
    ],
)
def test_no_sentence_names_a_key__difference_25(target: str, named: str) -> None:
    with pytest.raises(NoSuchTape) as refusal:
        asked(target)
    assert refusal.value.sentence.startswith(f"{named} is not one of ")


def test_a_plus_in_a_key_is_a_plus() -> None:
    with_plus = Accounts({"ANN": "a+b c"})
    assert asked(EXECUTIONS + "?api_key=a+b%20c", with_plus).account == "ANN"


def test_ticks_need_no_key() -> None:
    assert asked("/ob/api/ws/NOBODY/venues/V/tickertape", WITH_KEYS) == (None, "V", None)
