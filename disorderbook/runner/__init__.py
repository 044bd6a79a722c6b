"""Runs strategies as bots against an exchange over HTTP: the commands `disorderbook bots` and
`python3 -m bots`, and the scripts in bots/.
"""
