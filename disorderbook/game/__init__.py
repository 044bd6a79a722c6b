"""The game: levels, their instances, and the routes to them."""
