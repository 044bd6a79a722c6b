"""Which of several exchanges one is."""

import pytest

from disorderbook.protocol.shard import Shard, read_shard


def test_ids_end_in_the_digit_of_the_exchange_and_are_none_twice() -> None:
    for number in range(1, 10):
        shard, ids = Shard(number, 9), [0]
        for _ in range(30):
            ids.append(shard.id_after(ids[-1]))
        assert ids[1:] == list(range(number, 300, 10))
        assert {shard.id_after(last) for last in range(40, 40 + number)} == {40 + number}


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/10", "1/0", "-1/2", "1/2 ", "١/2"])
def test_what_is_no_shard_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is no K/N, such as 1/2"):
        read_shard(text)
    assert str(read_shard("2/3")) == "2/3"
