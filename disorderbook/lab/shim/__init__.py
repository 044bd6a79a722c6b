"""What a Python program under `disorderbook run` gets on its PYTHONPATH, so that its time is the
exchange's. It must run in any Python from 3.8 on, without this package.
"""
