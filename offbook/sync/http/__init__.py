"""Requests to a server by HTTP: the transport, its connections, and answers that are refusals, as errors."""
