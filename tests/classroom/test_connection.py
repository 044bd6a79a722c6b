"""What the teacher asks of the exchange, and what comes back when that goes wrong."""

from pathlib import Path

import pytest
from class_market import class_market
from ports import free_port

from disorderbook.classroom.connection import AdminConnection, NoExchange, RefusedAction


def test_a_refusal_is_the_exchanges_own_sentence(tmp_path: Path) -> None:
    with class_market(tmp_path / "class", "ADA") as market:
        market.connection.act("open", venue="V", symbol="S", halted=True)
        with pytest.raises(RefusedAction, match=r"The exchange says: .* \(.*seconds"):
            market.connection.act("countdown", seconds=-1)
        assert market.connection.settled("V") == set()
        market.connection.act("settle", venue="V", symbol="S", price=7)
        assert market.connection.settled("V") == {"S"}
        assert market.connection.answers()
        stranger = AdminConnection(market.exchange.port, "another key")
        assert not stranger.answers()
        with pytest.raises(RefusedAction):
            stranger.scores("V/..")


def test_an_exchange_that_does_not_answer_is_told_of() -> None:
    connection = AdminConnection(free_port(), "key")
    assert not connection.answers()
    with pytest.raises(NoExchange, match="No exchange answers at http://127.0.0.1:"):
        connection.results()
