"""The live channel: WebSockets of devices and pages, and notifications of other processes' commits."""
