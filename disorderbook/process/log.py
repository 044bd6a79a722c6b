"""The log of the process, on stderr, with a bound on how much gets into it.

A stranger can make the exchange log without end, and must not fill a disk with that. So lines of
one kind are limited: of the lines that one place in the code writes at one level, LINES_OF_A_KIND
get through in a minute, and then one line says how many did not. No entry is longer than
LONGEST_ENTRY. Lines at debug level are not limited, since somebody has asked for them, nor are
those that say what the admin has done. Keys never get into the log.
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

_IS_UNLIMITED = "is_unlimited"
UNLIMITED = {_IS_UNLIMITED: True}  # `extra` of a line of which no stranger can make many

_KEY_IN_QUERY = re.compile(r"(api_key=)[^&\s]+", re.IGNORECASE)
_KEY_IN_PATH = re.compile(r"(/key/+)[^/\s]+(?=/+ob/+api(?:/|$))")
_PERHAPS_KEY_IN_PATH = re.compile(
    r"^((?:(?!/ob/+api(?:/|$)).)*?/key/)(?!KEY\b).+?(?=/+ob/+api(?:/|$)|$)",
    re.DOTALL,
)

_Kind = tuple[str, int, int]  # file, line and level


def start_log(level: str) -> None:
    """Log to stderr from now on, at this one of LEVELS and above."""
    handler = logging.StreamHandler()
    handler.setFormatter(ShortFormatter("%(asctime)s %(levelname)s %(message)s"))
    limit = RateLimit(handler)
    handler.addFilter(limit)
    logging.basicConfig(level=level.upper(), handlers=[handler])
    atexit.register(limit.finish)


def without_keys(text: str) -> str:
    """A URL, or a text that begins with one, with KEY in the place of what may be somebody's key:
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
    """Lets `lines` of each kind through in `seconds`; a summary then says how many were left out.

    A timer writes the summary, so it comes also if nothing else is logged.
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
        self._periods: dict[_Kind, _Period] = {}  # no more than places in the code times levels
        # Reentrant, since a signal handler that logs may interrupt logging.
        self._lock = threading.RLock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record gets through."""
        if record.levelno <= logging.DEBUG or getattr(record, _IS_UNLIMITED, False):
            return True
        kind = record.pathname, record.lineno, record.levelno
        now = time.monotonic()
        with self._lock:
            period = self._periods.get(kind)
            if period is None or (now >= period.end and period.timer is None):
                period = self._periods[kind] = _Period(now + self._seconds)
            period.count += 1
            if period.count > self._lines and period.timer is None:
                self._start_timer(kind, record, period)
            return period.count <= self._lines

    def finish(self) -> None:
        """Write now the summaries that are due later."""
        with self._lock:
            timers = [period.timer for period in self._periods.values() if period.timer]
        for timer in timers:
            timer.cancel()
            timer.function(*timer.args)

    def _start_timer(self, kind: _Kind, record: logging.LogRecord, period: "_Period") -> None:
        timer = threading.Timer(period.end - time.monotonic(), self._summarize, (kind, record))
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError:  # there is no room for a thread, so there is no summary
            return
        period.timer = timer

    def _summarize(self, kind: _Kind, record: logging.LogRecord) -> None:
        """Write how many records like this one did not get through."""
        with self._lock:
            period = self._periods.pop(kind, None)
        if period is None:
            return
        summary = logging.makeLogRecord(
            record.__dict__
            | {
                "msg": "%d more lines like this were left out in %g seconds: %s",
                "args": (period.count - self._lines, self._seconds, quoted(record.getMessage())),
                "created": time.time(),
                "exc_info": None,
                "exc_text": None,
                "stack_info": None,
            }
        )
        with self._handler.lock or self._lock:
            self._handler.emit(summary)


class _Period:
    """How often one kind was logged in its current period."""

    def __init__(self, end: float) -> None:
        self.end = end  # on the monotonic clock, in seconds
        self.count = 0
        self.timer: threading.Timer | None = None  # once some did not get through


class ShortFormatter(logging.Formatter):
    """Writes a message on one line; cuts the middle out of an entry over LONGEST_ENTRY."""

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
