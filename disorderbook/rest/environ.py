"""What a request says, as the variables of WSGI (PEP 3333)."""

import re
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from disorderbook.rest.limits import bad_request

Environ = dict[str, Any]
RawHeaders = list[tuple[bytes, bytes]]

_ABSOLUTE_TARGET = re.compile(r"https?://([^/?]+)(.*)", re.IGNORECASE)


def add_headers(environ: Environ, headers: RawHeaders) -> None:
    """Raises Refusal if there are several hosts. Names with underscores are left out: in the
    environ Content_Length would pass for Content-Length.
    """
    for name, value in headers:
        key = _key(name)
        text = value.decode("latin-1").rstrip(" \t")
        if key not in environ:
            environ[key] = text
        elif key == "HTTP_HOST":
            raise bad_request("There is more than one Host header")
        else:
            environ[key] += ("; " if key == "HTTP_COOKIE" else ", ") + text
    environ.pop(_AMBIGUOUS, None)


def add_target(environ: Environ, raw: bytes) -> None:
    """Split what stands between method and version; raises Refusal. To be called after the
    headers are there: the host of an absolute target counts for more than theirs.
    """
    target = raw.decode("latin-1")
    if not target.startswith("/"):
        target = _path_of(target, environ)
    if "#" in target:
        target = target.partition("#")[0]
    path, _, environ["QUERY_STRING"] = target.partition("?")
    environ["PATH_INFO"] = unquote(path, "latin-1") if "%" in path else path


def _path_of(target: str, environ: Environ) -> str:
    """Path and query of a target that is no path."""
    absolute = _ABSOLUTE_TARGET.fullmatch(target)
    if absolute:
        environ["HTTP_HOST"], path = absolute.groups()
        return path if path.startswith("/") else f"/{path}"
    if target == "*" and environ["REQUEST_METHOD"] == "OPTIONS":
        return ""
    raise bad_request("The target of a request is a path or an http URL")


_AMBIGUOUS = ""


@lru_cache(maxsize=256)
def _key(name: bytes) -> str:
    if b"_" in name:
        return _AMBIGUOUS
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
