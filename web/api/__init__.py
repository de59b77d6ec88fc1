"""The JSON API for devices and programs, and its description."""
