"""HTTP: the routes of the protocol, the application that answers them, and the servers under it."""
