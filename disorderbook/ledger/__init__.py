"""The ledger: an SQLite database of what an exchange need not, or must not only, remember."""
