"""The laboratory: runs of programs in private markets, simulations, their records and reports.

from disorderbook.lab import Simulation

with Simulation(seed=7, opponents="market-maker taker noise") as sim:
    sim.advance(5)
    print(sim.market("ME").quote())
"""

from disorderbook.lab.simulation import Simulation, SimulationResult

__all__ = ["Simulation", "SimulationResult"]
