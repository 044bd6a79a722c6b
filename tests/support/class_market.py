"""A class in a folder of the test, whose exchange runs in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from disorderbook.classroom.connection import AdminConnection
from disorderbook.classroom.creation import NewClass, make_class
from disorderbook.classroom.folder import ClassFolder
from disorderbook.classroom.rounds import Rounds
from disorderbook.in_process import PrivateExchange, serve

PLAN = """
port = 1
exchange_port = {port}
[[round]]
title = "First"
stocks = ["ACME", "GLOBEX"]
minutes = 2
[[round]]
stocks = ["WORTH"]
minutes = 1
settle = 5000
[[round]]
title = "Alone?"
level = "first_steps"
minutes = 1
"""


class ClassMarket:
    """A class's folder, the exchange, and its rounds; `now` is what they go by, in seconds."""

    def __init__(self, folder: ClassFolder, exchange: PrivateExchange) -> None:
        self.folder, self.exchange, self.now = folder, exchange, 1000.0
        folder.plan_file.write_text(PLAN.format(port=exchange.port))
        self.connection = AdminConnection(exchange.port, folder.admin_key())

    def rounds(self) -> Rounds:
        """As another terminal would lead them."""
        return Rounds(self.folder, self.folder.plan(), self.connection, lambda: self.now)


@contextmanager
def class_market(path: Path, *names: str) -> Iterator[ClassMarket]:
    """A class of these students."""
    make_class(path, NewClass(names, ["192.0.2.1"]))
    folder = ClassFolder(path)
    with serve(accounts=folder.accounts(), admin_key=folder.admin_key()) as exchange:
        yield ClassMarket(folder, exchange)
