"""The laboratory: runs of programs in private markets, simulations, their records and reports.

The parts of an exchange that simulate time stand here, too: clocks, timeline, opponents, replay.

from disorderbook.lab import Simulation

with Simulation(seed=7, opponents="market-maker taker noise") as sim:
    sim.advance(5)
    print(sim.market("ME").quote())
"""

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = ["Simulation", "SimulationResult"]

if TYPE_CHECKING:
    from disorderbook.lab.simulation import Simulation, SimulationResult
else:

    def __getattr__(name):
        """Import what is asked for only then: parts of an exchange are in this package, too."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module("disorderbook.lab.simulation"), name)

    def __dir__():
        return sorted({*globals(), *__all__})
