"""Contacts as such, pure: what the device and the server both know of them."""
