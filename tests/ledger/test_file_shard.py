"""A market's file belongs to one of several exchanges, once it was used as its."""

from pathlib import Path

import pytest

from disorderbook.ledger.base import Instance
from disorderbook.ledger.copies import back_up, export
from disorderbook.ledger.file import open_ledger
from disorderbook.ledger.location import Unusable
from disorderbook.protocol.shard import Shard

FIRST, SECOND = Shard(1, 2), Shard(2, 2)


def use(file: Path, shard: Shard | None = None, instance: int = 0) -> None:
    ledger, _ = open_ledger(str(file), shard=shard)
    if instance:
        ledger.record_instance(instance, Instance(instance, "ME", 1))
        ledger.commit()
    ledger.close()


@pytest.mark.parametrize(
    "other, given", [(SECOND, "--shard 2/2"), (Shard(1, 3), "--shard 1/3"), (None, "none")]
)
def test_the_file_of_another_exchange_is_refused(
    tmp_path: Path, other: Shard | None, given: str
) -> None:
    file = tmp_path / "market.db"
    use(file, FIRST, 1)
    before = file.read_bytes()
    for each in (file, Path(back_up(str(file), str(tmp_path / "copy.db")))):
        with pytest.raises(Unusable) as refusal:
            use(each, other)
        assert str(refusal.value) == f"{each} is that of --shard 1/2, and {given} was given"
    assert file.read_bytes() == before
    use(file, FIRST)


def test_a_file_that_was_used_without_is_taken_unless_it_has_levels(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    use(file)
    use(file, SECOND)
    with pytest.raises(Unusable, match="is that of --shard 2/2"):
        use(file, FIRST)
    with_levels = tmp_path / "levels.db"
    use(with_levels, instance=2)
    with pytest.raises(Unusable, match=r"was used without --shard and has levels \(1\)"):
        use(with_levels, SECOND)
    use(with_levels)


def test_the_file_of_any_exchange_is_exported_and_stays_its(tmp_path: Path) -> None:
    file = tmp_path / "market.db"
    use(file, FIRST, 1)
    assert len(export(str(file), str(tmp_path))) == 5
    with pytest.raises(Unusable, match="is that of --shard 1/2"):
        use(file, SECOND)
    use(file, FIRST)
