"""How this program was called: the parser that refuses in a sentence what was wrong with that, and
the beginning of the lines that it prints to be copied.

The rule: such a line begins as the call did, so that it works where the call has worked: also in an
environment that is not activated, whose commands are on no PATH.
"""

import argparse
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any, NoReturn

COMMAND = "disorderbook"
USAGE_ERROR = 2  # exit status


class ShortParser(argparse.ArgumentParser):
    """A parser of a command line, and of the commands below it, that is short when it refuses. It
    takes whole names of options only: what is short for one today may mean another one tomorrow.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """One sentence instead of the whole usage."""
        self.exit(USAGE_ERROR, f"{self.prog}: {message} (--help lists the options)\n")


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
