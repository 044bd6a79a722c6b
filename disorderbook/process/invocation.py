"""How this program was called, for the lines that it prints to be copied.

The rule: such a line begins as the call did, so that it works where the call has worked: also in an
environment that is not activated, whose commands are on no PATH.
"""

import shlex
import shutil
import sys
from pathlib import Path

COMMAND = "disorderbook"


def python() -> str:
    """Python as it was typed, such as .venv/bin/python."""
    return shlex.quote(sys.orig_argv[0])


def command() -> str:
    """The command as it was typed, such as .venv/bin/disorderbook or python3 -m disorderbook. Where
    another program has called us, it is the name alone.
    """
    called, *arguments = sys.orig_argv
    if arguments[:2] == ["-m", COMMAND]:
        return f"{shlex.quote(called)} -m {COMMAND}"
    for word in (called, *arguments[:1]):
        if Path(word).stem == COMMAND:  # on Windows it ends with .exe
            return COMMAND if shutil.which(COMMAND) == word else shlex.quote(word)
    return COMMAND
