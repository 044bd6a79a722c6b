"""What an exchange prints when it starts: where it is, and lines to try it with.

The rule: each line works as it stands, pasted into a shell in the folder where the exchange was
started. Where keys are needed the line reads them from their file itself, so that none is printed:
what is printed ends up in logs.
"""

import argparse
import json
import os
import shlex
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from disorderbook.accounts import read_keys
from disorderbook.api.services import Services
from disorderbook.ledger.recording import Recording
from disorderbook.process.invocation import python
from disorderbook.protocol.names import HOST, timestamp
from disorderbook.traders.registry import REGISTRY

BOTS = Path(__file__).resolve().parent.parent.parent / "bots"  # in a checkout; the package has none
OFFERED_BOTS = ("market-maker", "taker", "noise")
ANYBODY = "ME"
KEY_HEADER = "X-Starfighter-Authorization"

# Prints the key of an account; the file and the name follow.
_READ_KEY = "import json, sys; print(json.load(open(sys.argv[1], 'rb'))[sys.argv[2]])"


def greet(port: int, options: argparse.Namespace, services: Services) -> None:
    """Print it, for an exchange that serves this port with these options."""
    front = f"http://{HOST}:{port}/"
    url = f"{front}ob/api/"
    stock = f"venues/{quote(options.venue)}/stocks/{quote(options.symbol)}"
    accounts = _accounts_in(options.accounts)
    account = accounts[0] if accounts else "NAME" if services.accounts.need_keys else ANYBODY
    order = {"account": account, "direction": "buy", "orderType": "limit", "price": 5000, "qty": 9}
    key = _key_of(account, options.accounts, accounts) if services.accounts.need_keys else ""
    print(f"disorderBook starting up on port {port}")
    if not services.accounts.need_keys:
        print(" -----> Warning: running WITHOUT AUTHENTICATION!")
    print(f"""
Connect to  {url}  (Ctrl-C stops)
Watch it at {front} and read about it at {front}docs
Place an order:
  curl {key}-d {shlex.quote(json.dumps(order))} \\
    {url}{stock}/orders""")
    bots = _bots()
    _offer_bots(bots, url, options, accounts)
    if services.tape_port is not None:
        _offer_tape(bots, services.tape_port, options)
    if services.replay is not None:
        _tell_of_replay(services.replay.recording)
    if services.timeline.settings.is_stepped:
        _offer_time(options.admin_key_file, f"{front}api/v1/clock")
    print(flush=True)


def _accounts_in(path: str | None) -> list[str]:
    """The names in an accounts file, none for what can be read only once."""
    with suppress(OSError, ValueError):
        if path is not None and os.path.isfile(path):
            return list(read_keys(path))
    return []


def _key_of(account: str, path: str, accounts: list[str]) -> str:
    """Words of curl that send the key of an account, which they read from the file; KEY stands for
    it where that was no file to be read again.
    """
    if not accounts:
        return f'-H "{KEY_HEADER}: KEY" '
    read = f"{python()} -c {shlex.quote(_READ_KEY)} {shlex.quote(path)} {shlex.quote(account)}"
    return f'-H "{KEY_HEADER}: $({read})" \\\n    '


def _offer_bots(
    bots: Path | None, url: str, options: argparse.Namespace, accounts: list[str]
) -> None:
    """Those that have an account, where one is needed."""
    offered = [name for name in OFFERED_BOTS if not accounts or REGISTRY[name].account in accounts]
    if not offered:
        print(
            f"The bots have no accounts in {options.accounts}, such as {REGISTRY['noise'].account}"
        )
        return
    if bots is None:
        start = "-m disorderbook bots"
    else:
        start = shlex.quote(str(bots)) if bots.is_absolute() else f"-m {bots}"
    keys = f" --accounts {shlex.quote(options.accounts)}" if options.accounts is not None else ""
    place = f"--venue {shlex.quote(options.venue)} --symbol {shlex.quote(options.symbol)}"
    print("Bring the market to life:")
    print(f"  {python()} {start} {' '.join(offered)}{keys} --url {url} {place}")


def _offer_tape(bots: Path | None, port: int, options: argparse.Namespace) -> None:
    url, venue = f"ws://{HOST}:{port}/ob/api/ws/", shlex.quote(options.venue)
    print(f"\nWatch the tape ({url}ACCOUNT/venues/VENUE/tickertape)")
    if bots is not None:
        script = shlex.quote(str(bots / "watch_tape.py"))
        print(f"  {python()} {script} --url {url} --venue {venue}")


def _tell_of_replay(recording: Recording) -> None:
    print(
        f"\nReplays {recording.orders:,} orders and {recording.cancels:,} cancels of "
        f"{recording.name}, {timestamp(recording.first)} to {timestamp(recording.last)}"
    )
    if recording.left_out:
        print(f"Leaves out the books of {recording.left_out:,} levels that are there")


def _offer_time(admin_key_file: str | None, url: str) -> None:
    """Nothing happens by itself, neither bots nor a replay, while nobody moves the clock."""
    key = ""
    if admin_key_file is not None:
        key = f'-H "{KEY_HEADER}: $(cat {shlex.quote(admin_key_file)})" '
    print("\nTime stands still until a request moves it. Let a minute pass:")
    print(f"  curl {key}-d '{{\"advance\": 60}}' {url}")


def _bots() -> Path | None:
    """The bots' folder as it is named from here, None where the package alone is installed."""
    if not (BOTS / "stockfighter_minimal.py").is_file():
        return None
    return Path(BOTS.name) if Path.cwd() == BOTS.parent else BOTS
