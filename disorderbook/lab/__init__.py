"""The laboratory: runs of programs in private markets, their records, and what is told of them."""
