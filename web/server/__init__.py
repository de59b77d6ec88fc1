"""The process that serves: its port, and the protocols between a socket and the ASGI app. It knows no contacts."""
