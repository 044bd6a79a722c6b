"""Floor 2: the tape, quotes and executions over websockets."""
