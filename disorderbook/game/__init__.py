"""The game: levels, their instances, messages and routes."""
