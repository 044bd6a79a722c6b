"""Whose certificates are trusted: by requests and by the tape the same."""

import os
import ssl
from typing import Any

from requests.utils import DEFAULT_CA_BUNDLE_PATH

ENVIRONMENT = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # as requests has it

Verify = bool | str | os.PathLike[str]
"""True for the authorities that everybody trusts, False to trust anybody, or the file (PEM) of
those to trust, or their folder."""


def checked_verify(verify: Verify) -> bool | str:
    """The same as text; raises ValueError for what is no file or folder of certificates."""
    if isinstance(verify, bool):
        return verify
    path = os.fspath(verify)
    try:
        ssl.create_default_context().load_verify_locations(**_location(path))
    except OSError as fault:  # which those of TLS are, too
        reason = fault.strerror or fault
        raise ValueError(f"{path!r} holds no certificates to trust: {reason}") from None
    return path


def authorities(verify: bool | str) -> str | bool:
    """The file or folder of those that are trusted, as of now; False if anybody is."""
    if verify is not True:
        return verify
    named = (os.environ.get(name) for name in ENVIRONMENT)
    return next((path for path in named if path), DEFAULT_CA_BUNDLE_PATH)


def websocket_options(verify: bool | str) -> dict[str, Any]:
    """What websocket-client calls sslopt."""
    path = authorities(verify)
    if isinstance(path, bool):
        return {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    location = _location(path)
    return {"ca_certs": location.get("cafile"), "ca_cert_path": location.get("capath")}


def why_untrusted(fault: BaseException) -> str | None:
    """What is wrong with a certificate, if that is at the bottom of a fault."""
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__ or cause.__context__
    return None


def _location(path: str) -> dict[str, str]:
    return {"capath" if os.path.isdir(path) else "cafile": path}
