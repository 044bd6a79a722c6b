"""Market data over NATS: what an exchange publishes to a server, for whoever subscribes."""
