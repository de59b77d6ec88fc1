"""Contacts as cards of CardDAV: what each is called in a path, what a device has of it, and how far a device is. Pure.

::

    segments.py  the last part of a card's path
    held.py      which states of a contact a device has, and what a card that it sends is compared with
    tokens.py    sync-tokens
"""
