"""disorderBook: a local stock exchange for trading bots, speaking the Stockfighter protocol.

with disorderbook.serve() as exchange:
    with disorderbook.Market("TESTEX", "FOOBAR", "ME", url=exchange.url) as market:
        market.buy(5000, 10)
"""

from importlib import import_module

__all__ = ["Market", "__version__", "serve"]
__version__ = "0.2.0"

TYPE_CHECKING = False  # as type checkers know it; importing typing would take its time
if TYPE_CHECKING:
    from disorderbook.client import Market
    from disorderbook.in_process import serve
else:
    _HOMES = {"Market": "disorderbook.client", "serve": "disorderbook.in_process"}

    def __getattr__(name):
        """Import what is asked for only then: most programs need one of the two, or none."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)

    def __dir__():
        return sorted({*globals(), *__all__})
