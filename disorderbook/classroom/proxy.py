"""nginx in front of the exchange: its configuration, for a class and for the samples of deploy/.

The rule: one template makes all of them, so that what is tested of one holds for the others. A
class's nginx needs no rights and touches nothing of the machine's own: its configuration, logs and
temporary files are in the class's folder, named relative to it.
"""

import os
import shutil
import sys
from importlib.resources import files
from typing import NamedTuple

from bottle import SimpleTemplate

from disorderbook.classroom.plan import ClassPlan

CONNECTIONS = 1024  # of nginx, each client's and each one to the exchange
CLIENT_CONNECTIONS = 200  # of one address
TLS_HEADING = """\
# An exchange for other machines: nginx speaks TLS to them, and plain HTTP and websockets to an
# exchange on this machine. (nginx-http.conf is the same without TLS, for a network of your own.)
#
# For nginx of Debian: put it into /etc/nginx/sites-enabled/ with your own name and certificate, and
# start the exchange with
#   --accounts accounts.json --websockets --allowed-host exchange.example
"""
PLAIN_HEADING = """\
# An exchange for the machines of a local network: nginx passes HTTP and websockets on to an
# exchange on this machine. Keys and orders can be read by whoever can listen on that network;
# nginx.conf is the same with TLS.
#
# For nginx of Debian: put it into /etc/nginx/sites-enabled/ with this machine's own name and
# address for exchange.example and 192.0.2.1, and start the exchange with
#   --accounts accounts.json --websockets --allowed-host exchange.example
"""
CLASS_HEADING = """\
# Made by `disorderbook class`, which makes it anew at each start: change the class file instead.

worker_processes 1;
daemon off;
pid nginx.pid;
error_log stderr emerg;  # whole request lines may have keys in them

events {{
    worker_connections {connections};
}}

http {{
    server_tokens off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;

"""
VENUES_HEADING = """\
# Two exchanges as one, for the machines of a local network: the venue's name in a path chooses
# between them, for HTTP and websockets alike. It is a sample: docs/scale.md says what it does not
# do. More exchanges need their lines in each list below, at most nine.
#
# For nginx of Debian: put it into /etc/nginx/sites-enabled/ with this machine's own name and
# address for exchange.example and 192.0.2.1, name your venues below, and start the exchanges with
#   -p 8000 --wsport 8001 --shard 1/2 --venue TESTEX -d 1.db
#   -p 8002 --wsport 8003 --shard 2/2 --venue OTHEREX -d 2.db
# and both with
#   --accounts accounts.json --websockets --allowed-host exchange.example
# An exchange on another machine needs a proxy of its own there: it serves its own machine alone.
"""
HOW_TO_GET_IT = (
    "nginx is not installed, so nobody but this machine reaches the exchange. To get it:"
    " sudo apt install nginx-light (Debian, Ubuntu), brew install nginx (macOS)."
)


class ProxyServer(NamedTuple):
    """What differs from one server of nginx to the next."""

    exchange_ports: tuple[int, ...]
    listen: tuple[str, ...]
    names: tuple[str, ...]
    certificate: str = ""
    certificate_key: str = ""
    logs: str = ""  # the folder, with a slash
    connections: int = 0  # of one client; 0 for any number
    serves_certificate: str = ""  # the file
    named_venues: tuple[tuple[str, ...], ...] = ()  # of each exchange, if there are several


def server_text(server: ProxyServer, heading: str = "") -> str:
    """The part of a configuration within `http`."""
    template = (files("disorderbook.classroom") / "nginx.tpl").read_text(encoding="utf-8")
    return str(SimpleTemplate(template).render(heading=heading.splitlines(), **server._asdict()))


def samples() -> dict[str, str]:
    """Those of deploy/, by name."""
    plain = ProxyServer((8000,), ("80",), ("exchange.example", "192.0.2.1"), logs="/var/log/nginx/")
    tls = ProxyServer(
        (8000,),
        ("443 ssl",),
        ("exchange.example",),
        "/etc/ssl/certs/exchange.pem",
        "/etc/ssl/private/exchange.key",
        "/var/log/nginx/",
    )
    venues = plain._replace(exchange_ports=(8000, 8002), named_venues=(("TESTEX",), ("OTHEREX",)))
    return {
        "nginx-venues.conf": server_text(venues, VENUES_HEADING + "\n"),
        "nginx-http.conf": server_text(plain, PLAIN_HEADING + "\n"),
        "nginx.conf": server_text(tls, TLS_HEADING + "\n"),
    }


def configuration(plan: ClassPlan, has_ipv6: bool) -> str:
    """The whole configuration of a class's nginx, which listens on all addresses; on those of IPv6
    only where the machine has such.
    """
    kind = " ssl" if plan.tls else ""
    server = ProxyServer(
        (plan.exchange_port,),
        (f"{plan.port}{kind}", *((f"[::]:{plan.port}{kind}",) if has_ipv6 else ())),
        ("_",),
        "class.pem" if plan.tls else "",
        "class.key" if plan.tls else "",
        connections=CLIENT_CONNECTIONS,
        serves_certificate="class.pem",
    )
    body = "".join(f"    {line}\n" if line else "\n" for line in server_text(server).splitlines())
    return _user() + CLASS_HEADING.format(connections=CONNECTIONS) + body + "}\n"


def nginx_program() -> str | None:
    """The file of nginx, which Debian has where only root looks; None if there is none."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def nginx_command(program: str) -> list[str]:
    """What runs a class's nginx in the foreground, from its folder: nginx would look for variables
    in a folder's name.
    """
    return [program, "-e", "stderr", "-p", "./", "-c", "nginx.conf"]


def _user() -> str:
    """Root's nginx would hand its work to a user who may not read the class's folder."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return ""
    import grp

    return f"user root {grp.getgrgid(os.getegid()).gr_name};\n"
