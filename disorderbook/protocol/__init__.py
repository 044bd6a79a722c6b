"""The wire: its names and limits, and what goes over it in both directions."""
