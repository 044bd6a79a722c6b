"""An HTTP server: from bytes to requests, and from answers to bytes. It knows of no exchange."""
