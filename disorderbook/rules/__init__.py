"""The rules of a market: what its owner allows in it, beyond what the protocol does."""
