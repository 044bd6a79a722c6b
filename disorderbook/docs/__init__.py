"""The documentation for people, made from the OpenAPI description of the protocol."""
