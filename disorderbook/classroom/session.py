"""An afternoon: the class's programs while they run, and the prompt that leads through its rounds.

The rule: the prompt and other terminals do the same, by way of the rounds' file. This process looks
at it twice a second: it has the bots of the round that runs trade, halts a round whose time is up,
and ends everything, with the reason, when the exchange or nginx has ended.
"""

import queue
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import urlencode

from disorderbook.classroom.addresses import can_listen, network_addresses
from disorderbook.classroom.changes import old_cards
from disorderbook.classroom.children import BotCommands, CannotRun, Children, bot_commands
from disorderbook.classroom.connection import AdminConnection, NoExchange
from disorderbook.classroom.creation import add_bot_accounts, certified, write_generated
from disorderbook.classroom.folder import ClassFolder
from disorderbook.classroom.plan import ClassPlan, Round
from disorderbook.classroom.proxy import HOW_TO_GET_IT, nginx_program
from disorderbook.classroom.rounds import NEW, RUNNING, Rounds, clock, totals
from disorderbook.process.invocation import command
from disorderbook.server.origin import is_address

LOOK_SECONDS = 0.5
SHOWN_SCORES = 10  # rows, unless all are asked for
WIDEST_NAME = 32  # characters of a name among the scores
PROMPT = "class> "
HELP = """\
  start [N]    start the next round, or round N
  pause        halt the round that runs; `resume` lets it go on
  end          settle the round, and write down what everybody has made
  next         end the round, and start the next one
  status       how the rounds stand
  scores [all] the first ten in each round and in total, or everybody
  create N     have the stocks of a round, halted (all of them are when the class starts)
  quit         end everything; the next start goes on from here (Ctrl-C does the same)"""

Say = Callable[[str], None]


def lead(rounds: Rounds, command: str, number: int | None = None) -> str:
    """Take the step that a word names, with round `number` or the one that is meant; returns what
    is to be said. Raises what `Rounds` does.
    """
    current = rounds.current()
    if command == "next":
        said = [rounds.end(current.number)] if current else []
        return " ".join([*said, rounds.start(_numbered(rounds.following(), "No round is left"))])
    if number is None:
        meant = rounds.following() if command in ("start", "create") else current
        number = _numbered(meant, "No round is left" if command == "start" else "No round is on")
    steps = {
        "create": rounds.create,
        "start": rounds.start,
        "pause": rounds.pause,
        "resume": rounds.resume,
        "end": rounds.end,
    }
    return steps[command](number)


STEPS = ("create", "start", "pause", "resume", "end", "next")


def _numbered(found: Round | None, otherwise: str) -> int:
    if found is None:
        raise ValueError(otherwise)
    return found.number


def status_lines(rounds: Rounds) -> Iterator[str]:
    """How each round stands, a line each."""
    states = rounds.states()
    for each in rounds.plan.rounds:
        state = states[each.number]
        left = rounds.seconds_left(state)
        time = f", {clock(left)} left" if left else ""
        what = (
            f"the level {each.level}" if each.level else f"{each.venue}: {', '.join(each.stocks)}"
        )
        yield f"  {each.number}  {each.title:30.30}  {state.phase}{time}  ({what})"


def score_lines(rounds: Rounds, students: list[str], most: int | None = None) -> Iterator[str]:
    """Students with what they have made in each round and in total, in dollars, the best first."""
    rows = totals(rounds, students, rounds.scores)
    shown = rows[:most]
    width = min(max((len(account) for account, *_ in shown), default=0), WIDEST_NAME)
    titles = "".join(f"{f'round {each.number}':>14}" for each in rounds.plan.rounds)
    yield f"{'':4}{'':{width}}{titles}{'total':>16}"
    for rank, (account, made, total) in enumerate(shown, 1):
        cells = "".join(f"{_dollars(nav):>14}" for nav in made)
        name = account if len(account) <= width else f"{account[: width - 1]}…"
        yield f"{rank:3} {name:{width}}{cells}{_dollars(total):>16}"
    if most is not None and len(rows) > most:
        yield f"    and {len(rows) - most} more (`scores all`)"


def _dollars(cents: int | None) -> str:
    return "-" if cents is None else f"{cents / 100:,.2f}"


def projected_at(url: str, bots: set[str], of: Round) -> str:
    """Where an exchange at this URL shows the scores of a round, without those of the bots."""
    which = [("venue", of.venue), *(("without", bot) for bot in sorted(bots))]
    return f"{url}/scores?{urlencode(which)}"


class Terminal:
    """Says lines, and asks for one with a prompt, if that is asked for where somebody types."""

    def __init__(self, is_typed_at: bool) -> None:
        self._is_typed_at = is_typed_at
        self._has_prompt = False  # whether the last line is one

    def say(self, line: str) -> None:
        """In the place of the prompt, if there is one."""
        text = f"\r{line:{len(PROMPT)}}" if self._has_prompt else line
        print(text, flush=True)
        self._has_prompt = False

    def ask(self) -> None:
        """Have a prompt."""
        if self._is_typed_at and not self._has_prompt:
            print(PROMPT, end="", flush=True)
            self._has_prompt = True


class Session:
    """A class from `start` to its end, which says and asks for lines; raises CannotRun, OSError, or
    ValueError.
    """

    def __init__(
        self,
        folder: ClassFolder,
        say: Say,
        is_automatic: bool = False,
        ask: Callable[[], object] = lambda: None,
    ) -> None:
        self._folder, self._say, self._is_automatic = folder, say, is_automatic
        self._ask = ask
        self._plan = folder.plan()
        self._connection = AdminConnection(self._plan.exchange_port, folder.admin_key())
        self._children = Children(folder, self._plan)
        self._rounds = Rounds(folder, self._plan, self._connection)
        self._is_running = True
        self._last_fault = ""

    def run(self) -> None:
        """Start everything, lead through the rounds, and end everything. Ctrl-C, SIGTERM and `quit`
        end it well.
        """
        self._check_ports()
        if nginx_program() is not None:
            certified(self._folder, self._plan)  # which nginx needs, and says in its own words
        add_bot_accounts(self._folder, self._plan)
        write_generated(self._folder, self._plan)
        lines = _typed_lines()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        try:
            self._start()
            while self._is_running:
                self._look()
                self._ask()
                with suppress(queue.Empty):
                    self._obey(lines.get(timeout=LOOK_SECONDS))
        finally:
            self._end()

    def _stop(self, *_: object) -> None:
        """End soon. A signal that interrupted would do so between the start of a child and its
        being known here, and leave it behind.
        """
        self._is_running = False

    def _start(self) -> None:
        self._children.start_exchange(self._connection, lambda: self._is_running)
        if not self._is_running:
            return
        states = self._rounds.states()
        for each in self._plan.rounds:
            if states[each.number].phase == NEW:  # before anybody could open its stocks himself
                self._rounds.create(each.number)
        self._rounds.go_on()
        program = nginx_program()
        if program is None:
            self._say(HOW_TO_GET_IT)
        else:
            self._children.start_nginx(program)
        self._greet(program is not None)

    def _check_ports(self) -> None:
        for port in (self._plan.exchange_port, self._plan.port):
            where = f"{self._folder.plan_file} says which ports this class has"
            try:
                is_free = can_listen(port)
            except PermissionError:
                raise CannotRun(f"Port {port} is for root only here; {where}") from None
            if not is_free:
                raise CannotRun(
                    f"Something else has port {port}: another class, or this one already; {where}"
                )

    def _greet(self, is_open: bool) -> None:
        plan, here = self._plan, self._connection.url
        self._say(f"The exchange runs; on this machine it is {here}/")
        if is_open:
            for line in reached_at(plan, network_addresses(), self._folder):
                self._say(line)
        shown = self._rounds.current() or self._rounds.following() or plan.rounds[-1]
        # Without TLS the admin's key, which freezes them, is for this machine alone.
        base = plan.url if plan.tls and is_open else here
        url = projected_at(base, self._folder.bot_accounts(), shown)
        self._say(f"For the projector: {url}")
        self._say(f"Your page is {here}/admin, with the key in {self._folder.admin_key_file}")
        for line in status_lines(self._rounds):
            self._say(line)
        self._say("Type help, or start.")

    def _look(self) -> None:
        """What is to be done without being asked; raises CannotRun."""
        self._children.check()
        try:
            found = self._rounds.current()
            state = self._rounds.states()[found.number] if found else None
            if found and state and state.phase == RUNNING and not self._rounds.seconds_left(state):
                self._say(self._rounds.stop(found.number))
                if self._is_automatic:
                    self._say(self._rounds.end(found.number))
            elif state is None or state.phase == RUNNING:
                self._have_bots(bot_commands(self._folder, self._plan, found))
            else:
                self._have_bots({})
        except (ValueError, OSError, NoExchange) as fault:
            self._children.check()
            self._tell_once(str(fault))

    def _have_bots(self, commands: BotCommands) -> None:
        for line in self._children.have_bots(commands):
            self._say(line)

    def _tell_once(self, fault: str) -> None:
        if fault != self._last_fault:
            self._say(fault)
        self._last_fault = fault

    def _obey(self, line: str | None) -> None:
        """Do what was typed; None stands for the end of a terminal's input."""
        words = [] if line is None else line.split()
        if line is None or words[:1] in (["quit"], ["exit"]):
            self._is_running = False
            return
        try:
            for said in self._answer(words):
                self._say(said)
        except (ValueError, OSError, NoExchange) as fault:
            self._say(str(fault))

    def _answer(self, words: list[str]) -> Iterator[str]:
        command, *more = words or ["status"]
        if command in STEPS and len(more) <= 1:
            if more and not (more[0].isdecimal() and len(more[0]) < 4):
                raise ValueError(f"{more[0]!r:.40} is no number of a round")
            yield lead(self._rounds, command, int(more[0]) if more else None)
        elif command == "status":
            yield from status_lines(self._rounds)
        elif command == "scores" and more in ([], ["all"]):
            students = list(self._folder.students())
            yield from score_lines(self._rounds, students, None if more else SHOWN_SCORES)
        elif command == "help":
            yield HELP
        else:
            yield f"{' '.join(words)!r:.60} is nothing that can be done here:"
            yield HELP

    def _end(self) -> None:
        """Pause what runs, so that it can go on, and end the children."""
        with suppress(ValueError, OSError, NoExchange):
            found = self._rounds.current()
            if found and self._rounds.states()[found.number].phase == RUNNING:
                self._say(self._rounds.pause(found.number))
        self._children.end()
        self._say("The class has ended.")


def reached_at(plan: ClassPlan, addresses: list[str], folder: ClassFolder) -> Iterator[str]:
    """By which addresses others find the exchange, and what is wrong with them."""
    if not addresses:
        yield "This machine has no address in a network now: nobody else can reach it."
        return
    yield "Others reach it at"
    named = [host for host in plan.hosts if not is_address(host)]
    old = old_cards(folder, plan)
    for host in dict.fromkeys((*(h for h in plan.hosts if h in addresses), *named, *addresses)):
        mark = "  (on the cards)" if host == plan.hosts[0] and not old else ""
        yield f"  {plan.url_of(host)}/{mark}"
    first = plan.hosts[0]
    if is_address(first) and first not in addresses:
        place = shlex.quote(str(folder.path))
        what = "class file says" if old else "cards say"
        yield f"The {what} {first}, which is no address of this machine now. For new cards:"
        yield f"  {command()} class cards {place} --host {addresses[0]}"
    elif old:
        yield old


def _typed_lines() -> "queue.Queue[str | None]":
    """Lines from the keyboard or a pipe, read by a thread; None at the end of a terminal's input.
    Without one, the class goes on after the end of what is read.
    """
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        with suppress(OSError, ValueError):
            for line in sys.stdin:
                lines.put(line)
            if sys.stdin.isatty():
                lines.put(None)

    threading.Thread(target=read, name="keyboard", daemon=True).start()
    return lines
