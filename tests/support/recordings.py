"""What the first disorderBook answered, in which the time stamps are masked."""

import re
from pathlib import Path

TRACES = Path(__file__).parent.parent / "traces"
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


def masked(text: str) -> str:
    return TIMESTAMP.sub("<ts>", text)
