"""The tape: quotes and executions, published over websockets."""
