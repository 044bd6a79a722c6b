"""Behind one host name and TLS: the tape is found, and whose certificates are trusted."""

import ssl
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from forked import forked, heard
from tls_front import Front, tls_front

from disorderbook.client import CertificateUntrusted, ExchangeUnreachable, Market
from disorderbook.client.network import (
    ENVIRONMENT,
    Verify,
    authorities,
    checked_verify,
    trust_options,
    why_untrusted,
)
from disorderbook.in_process import serve

INSECURE = pytest.mark.filterwarnings("ignore:Unverified HTTPS request")


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with serve(websockets=True) as exchange:
        with tls_front(exchange, tmp_path_factory.mktemp("tls")) as front:
            yield front


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*ENVIRONMENT, "WEBSOCKET_CLIENT_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def market_of(front: Front, verify: Verify = True) -> Market:
    return Market("TESTEX", "FOOBAR", "ME", url=front.url, verify=verify)


def trades_and_listens(market: Market) -> bool:
    ticks, executions = market.ticks(), market.executions()
    market.buy(5000, 1)
    sold = market.sell(5000, 1)
    assert next(executions).price == 5000
    return (next(ticks).bid, next(ticks).last, sold.total_filled) == (5000, 5000, 1)


def test_with_its_certificate_orders_and_the_tape_go_over_one_name(front: Front) -> None:
    with market_of(front, front.ca) as market:
        assert trades_and_listens(market)


@INSECURE
def test_whoever_asks_for_it_trusts_anybody(front: Front) -> None:
    with market_of(front, False) as market:
        assert trades_and_listens(market)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environment_may_name_the_authorities_for_both(
    front: Front, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(front.ca))
    with market_of(front) as market:
        assert trades_and_listens(market)


def test_what_is_said_comes_before_the_environment(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybodys = authorities(True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(front.ca))
    monkeypatch.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", str(front.ca))
    assert authorities(True) == str(front.ca) and isinstance(everybodys, str)
    with market_of(front, everybodys) as market:
        for ask in (market.quote, market.ticks):
            with pytest.raises(CertificateUntrusted):
                ask()


def test_a_certificate_that_is_not_trusted_is_told_as_that(front: Front) -> None:
    with market_of(front) as market:
        for ask in (market.quote, market.ticks, market.executions, lambda: market.buy(1, 1)):
            with pytest.raises(CertificateUntrusted) as told:
                ask()
            assert "is not trusted: self" in str(told.value) and "verify='FILE'" in str(told.value)
            assert "self" in told.value.reason and not told.value.was_sent
            assert isinstance(told.value, ExchangeUnreachable), "who knows that is not surprised"


def test_a_certificate_for_another_name_is_not_trusted(tmp_path: Path) -> None:
    with serve(websockets=True) as exchange:
        with tls_front(exchange, tmp_path, "DNS:other.example") as front:
            with market_of(front, front.ca) as market:
                for ask in (market.quote, market.ticks):
                    with pytest.raises(CertificateUntrusted, match="(?i)mismatch"):
                        ask()


def test_a_listener_ends_when_the_certificate_is_no_longer_trusted(tmp_path: Path) -> None:
    with serve(websockets=True) as exchange, tls_front(exchange, tmp_path) as front:
        with market_of(front, front.ca) as market:
            ticks = market.ticks()
            ticks._verify = True  # as if another had come to this address
            assert ticks._connection is not None
            ticks._connection.abort()
            with pytest.raises(CertificateUntrusted):
                next(ticks)
            assert list(ticks) == []


def test_what_speaks_no_tls_has_no_certificate() -> None:
    with serve(websockets=True) as exchange:
        url = exchange.url.replace("http", "https")
        with Market("TESTEX", "FOOBAR", "ME", url=url) as market:
            for ask in (market.quote, market.ticks):
                with pytest.raises(ExchangeUnreachable) as told:
                    ask()
                assert not isinstance(told.value, CertificateUntrusted)


def test_a_fork_says_nothing_over_the_parents_tls(front: Front) -> None:
    with market_of(front, front.ca) as market:
        ticks, kept = market.ticks(), market._connection._adapter.made
        market.quote()
        (sock,) = [connection.sock for connection in kept]

        def use_and_close(pipe: Connection) -> None:
            pipe.send(market.buy(1234, 1).price)
            ticks.close()
            market.close()

        with forked(use_and_close) as child:
            assert heard(child) == 1234
        assert next(ticks).symbol == "FOOBAR"
        assert market.buy(4321, 1).price == 4321 and ticks.interruptions == 0
        assert [connection.sock for connection in kept] == [sock], "it had to connect again"


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_without_certificates_is_a_value_error_at_once(
    tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ValueError, match="holds no certificates to trust"):
        Market("V", "S", verify=file)


def test_a_folder_of_certificates_will_do(tmp_path: Path) -> None:
    assert checked_verify(tmp_path) == str(tmp_path)
    assert trust_options(str(tmp_path))["ca_cert_path"] == str(tmp_path)


def test_why_a_certificate_is_not_trusted_is_found_at_the_bottom() -> None:
    bottom = ssl.SSLCertVerificationError("no")
    bottom.verify_message = "it has expired"
    try:
        try:
            raise bottom
        except OSError as fault:
            raise RuntimeError from fault
    except RuntimeError as fault:
        assert why_untrusted(fault) == "it has expired"
    assert why_untrusted(OSError()) is None
