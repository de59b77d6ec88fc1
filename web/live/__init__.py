"""The live channel: WebSockets of devices and pages, and what other processes tell of commits."""
