"""A class: its accounts, rounds and cards in a folder, and the exchange that serves it.

The rule: all that a class is stands in its folder, in files that people can read. What drives the
exchange goes over HTTP with the admin's key, as anybody's program could.
"""
