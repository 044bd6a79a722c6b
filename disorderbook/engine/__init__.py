"""The rules of matching: pure values in, pure values out; no clock, no JSON, no threads, no I/O."""
