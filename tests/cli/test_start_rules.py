"""A file of rules is read at the start, and one that cannot be used is said in one sentence."""

from pathlib import Path

import pytest
from program import refused

from disorderbook.in_process import serve


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[market]\nlimit = 5\n", "has limit in [market], where there are position_limit, "),
        ("[market]\nband = 'wide'\n", 'has band = "wide" in [market]; allowed: a number of '),
        ("[market]\nband = 5\nband_around = 'start'\n", "makes no sense in [market]: band_around"),
        (None, "No such file or directory"),
    ],
)
def test_rules_that_cannot_be_used_end_the_start(
    tmp_path: Path, content: str | None, sentence: str
) -> None:
    file = tmp_path / "rules.toml"
    if content is not None:
        file.write_text(content)
    told = refused("--rules", str(file))
    assert sentence in told and "rules file" in told and told.count("\n") == 1


def test_a_program_is_told_the_same() -> None:
    with pytest.raises(ValueError, match=r"rules has limit in \[market\]"):
        with serve(rules={"market": {"limit": 5}}):
            pass
