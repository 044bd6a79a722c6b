"""The application: routes of the protocol, what they serve, metrics, and the answers' envelope."""
