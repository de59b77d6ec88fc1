"""A replica that is started: its thread, its WebSocket, and the callbacks of the app."""
