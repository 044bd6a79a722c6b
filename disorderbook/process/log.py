"""The log of the process: which lines get into it, and how much at most.

Whoever can make the exchange complain can do so without end, and must not fill a disk. So of lines
of one kind, those that one place in the code writes at one level, only some get through in a
minute, and then one that says how many did not; and no line is longer than a page. What is logged
at debug was asked for, and is not counted.
"""

import atexit
import logging
import re
import threading
import time

LEVELS = ("debug", "info", "warning", "error")


LINES_OF_A_KIND = 10  # that get through in PERIOD_SECONDS


PERIOD_SECONDS = 60.0


LONGEST_ENTRY = 8192  # characters; of a longer one, such as a traceback, the middle is left out


LONGEST_QUOTED = 200  # characters of what a stranger has sent


_KEY_IN_QUERY = re.compile(r"(api_key=)[^&\s]+", re.IGNORECASE)


_KEY_IN_PATH = re.compile(r"(/key/+)[^/\s]+(?=/+ob/+api(?:/|$))")


_PERHAPS_KEY_IN_PATH = re.compile(
    r"^((?:(?!/ob/+api(?:/|$)).)*?/key/)(?!KEY\b).+?(?=/+ob/+api(?:/|$)|$)",
    re.DOTALL,
)


_Kind = tuple[str, int, int]


def start_log(level: str) -> None:
    """Log to stderr from now on what is of this one of LEVELS or above."""
    handler = logging.StreamHandler()
    handler.setFormatter(ShortFormatter("%(asctime)s %(levelname)s %(message)s"))
    limit = RateLimit(handler)
    handler.addFilter(limit)
    logging.basicConfig(level=level.upper(), handlers=[handler])
    atexit.register(limit.finish)


def without_keys(text: str) -> str:
    """A URL, or a text that begins with one, with KEY instead of what is or may be somebody's key:
    behind `api_key=`, and behind the first `/key/` of a path, also where the rest of it is wrong.
    """
    for pattern in (_KEY_IN_QUERY, _KEY_IN_PATH, _PERHAPS_KEY_IN_PATH):
        text = pattern.sub(r"\1KEY", text)
    return text


def quoted(text: str) -> str:
    """The beginning of what a stranger has sent, in printable ASCII on one line, without keys."""
    text = without_keys(text)
    end = "..." if len(text) > LONGEST_QUOTED else ""
    return text[:LONGEST_QUOTED].encode("unicode_escape").decode() + end


class RateLimit(logging.Filter):
    """Lets `lines` of each kind through in `seconds`, then tells the handler how many it did not.

    Nothing needs to be logged for that to be told: a thread waits for the end of the time.
    """

    def __init__(
        self,
        handler: logging.Handler,
        lines: int = LINES_OF_A_KIND,
        seconds: float = PERIOD_SECONDS,
    ) -> None:
        super().__init__()
        self._handler = handler
        self._lines = lines
        self._seconds = seconds
        self._spells: dict[_Kind, _Spell] = {}  # no more than there are places in the code
        # Logging may be interrupted by something that logs.
        self._lock = threading.RLock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record gets through."""
        if record.levelno <= logging.DEBUG:
            return True
        kind = record.pathname, record.lineno, record.levelno
        now = time.monotonic()
        with self._lock:
            spell = self._spells.get(kind)
            if spell is None or (now >= spell.end and spell.timer is None):
                spell = self._spells[kind] = _Spell(now + self._seconds)
            spell.count += 1
            if spell.count > self._lines and spell.timer is None:
                self._start_timer(kind, record, spell)
            return spell.count <= self._lines

    def finish(self) -> None:
        """Tell now what would be told later."""
        with self._lock:
            timers = [spell.timer for spell in self._spells.values() if spell.timer]
        for timer in timers:
            timer.cancel()
            timer.function(*timer.args)

    def _start_timer(self, kind: _Kind, record: logging.LogRecord, spell: "_Spell") -> None:
        timer = threading.Timer(spell.end - time.monotonic(), self._tell, (kind, record))
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError:  # there is no room for a thread; then it is not told
            return
        spell.timer = timer

    def _tell(self, kind: _Kind, record: logging.LogRecord) -> None:
        """Say how many records like this one did not get through."""
        with self._lock:
            spell = self._spells.pop(kind, None)
        if spell is None:
            return
        summary = logging.makeLogRecord(
            record.__dict__
            | {
                "msg": "%d more lines like this were left out in %g seconds: %s",
                "args": (spell.count - self._lines, self._seconds, quoted(record.getMessage())),
                "created": time.time(),
                "exc_info": None,
                "exc_text": None,
                "stack_info": None,
            }
        )
        with self._handler.lock or self._lock:
            self._handler.emit(summary)


class _Spell:
    """How often one kind was logged in its present time."""

    def __init__(self, end: float) -> None:
        self.end = end  # on the monotonic clock, in seconds
        self.count = 0
        self.timer: threading.Timer | None = None  # once some did not get through


class ShortFormatter(logging.Formatter):
    """Writes a message on one line and cuts what is too long."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return _escaped(super().formatMessage(record), _CONTROL)

    def format(self, record: logging.LogRecord) -> str:
        text = _escaped(super().format(record), _CONTROL_BUT_NEWLINE)
        if len(text) <= LONGEST_ENTRY:
            return text
        half = LONGEST_ENTRY // 2
        return f"{text[:half]}\n... {len(text) - 2 * half} characters ...\n{text[-half:]}"


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


_CONTROL_BUT_NEWLINE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def _escaped(text: str, what: re.Pattern[str]) -> str:
    return what.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
