"""What the target of a request says, as the variables of WSGI (PEP 3333)."""

import re
from urllib.parse import unquote

from disorderbook.request_head import Environ, bad_request

_ABSOLUTE_TARGET = re.compile(r"https?://([^/?]+)(.*)", re.IGNORECASE)


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
