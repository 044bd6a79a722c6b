"""Market data over NATS: what an exchange publishes to a NATS server, for whoever subscribes there."""
