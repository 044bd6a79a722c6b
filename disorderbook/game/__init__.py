"""The game: levels, their instances, and the routes to them; and `play`, which runs a level in
simulated time.
"""

from disorderbook.game.simulation import play

__all__ = ["play"]
