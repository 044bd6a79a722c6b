"""Stands in a shell's line for Python: what follows is forked by the server of the tests.

    python -IS forked_command.py DESCRIPTOR ARGUMENTS

The descriptor is of the server's socket (fork_server.py), inherited through the shell. This process
has loaded next to nothing; it passes signals on, and ends as what was forked ends.
"""

import json
import os
import signal
import socket
import sys

PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
LONGEST_REPLY = 20


def main(descriptor: str, *arguments: str) -> int:
    if arguments[0].startswith("-") and arguments[0] not in ("-m", "-c"):  # for the interpreter
        os.execv(sys.executable, [sys.executable, *arguments])
    told, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    request = {
        "arguments": arguments,
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "leads_a_session": False,
    }
    with socket.socket(fileno=int(descriptor)) as server, theirs:
        message = [json.dumps(request).encode()]
        socket.send_fds(server, message, [0, 1, 2, theirs.fileno()])
    pid = int(told.recv(LONGEST_REPLY))
    for number in PASSED_ON:
        signal.signal(number, lambda number, _: os.kill(pid, number))
    status = os.waitstatus_to_exitcode(int(told.recv(LONGEST_REPLY)))
    return status if status >= 0 else 128 - status  # as a shell says it of a signal


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
