"""By way of which proxy a host is reached: what the environment says, for the tape as for requests.

This machine is never reached by way of a proxy, which would look for it elsewhere or has no
business to know of it.
"""

from typing import Any
from urllib.parse import unquote, urlsplit

from requests.utils import get_environ_proxies, select_proxy

from disorderbook.client.addresses import is_this_machine

# websocket-client heeds what is not to go through a proxy only where a proxy is named.
NO_PROXY = {"http_proxy_host": "none", "http_no_proxy": ["*"]}
STANDARD_PORTS = {"https": 443}  # 80 for the others
NOWHERE = "no.proxy.invalid"  # a host that is never asked for


def websocket_options(url: str) -> dict[str, Any]:
    """What websocket-client is to be told, so that it does not look at the environment itself."""
    proxy = None if is_this_machine(url) else _proxy_for(url)
    if proxy is None:
        return NO_PROXY
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    has_login = parts.username is not None
    return {
        "http_proxy_host": parts.hostname,
        "http_proxy_port": parts.port or STANDARD_PORTS.get(parts.scheme, 80),
        "http_proxy_auth": (unquote(parts.username or ""), unquote(parts.password or ""))
        if has_login else None,
        "http_no_proxy": [NOWHERE],
        "proxy_type": parts.scheme if parts.scheme.startswith("socks") else "http",
    }


def _proxy_for(url: str) -> str | None:
    as_request = "http" + url.removeprefix("ws")
    proxy = select_proxy(as_request, get_environ_proxies(as_request, no_proxy=None))
    return proxy or None
