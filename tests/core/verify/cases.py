"""A record to make digests of, and what makes it another one."""

from __future__ import annotations

from offbook.core.model import Value

ADA = "5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e01"
SEQ = 1_795_000_000_000_000
ADDRESS = ("", "12 Park Lane", "London", None, None, None)
CELLS: dict[str, Value] = {
    "name": "Ada Löve\U0001f600",
    "phone": "555-1234",
    "starred": True,
    "details/k1/@exists": True,
    "details/k1/kind": "address",
    "details/k1/value": ADDRESS,
    "details/k1/position": 0,
    "details/k2/@exists": True,
    "details/k2/kind": "phone",
    "details/k2/value": ("555-9", None, None, None, None, None),
}
REMOVED: dict[str, Value] = {
    "details/k3/@exists": False,
    "details/k3/kind": "phone",
    "details/k3/value": ("555-0", None, None, None, None, None),
}

OTHERS: dict[str, dict[str, Value]] = {
    "another value": {"phone": "555-1235"},
    "a value in another field": {"phone": None, "phone_label": "555-1234"},
    "a value that took in its neighbour": {"name": "Ada Löve\U0001f600555-1234", "phone": None},
    "a flag": {"starred": None},
    "a number": {"details/k1/position": 1},
    "no number in the place of 0": {"details/k1/position": None},
    "another part of an address": {"details/k1/value": (*ADDRESS[:2], "Paris", *ADDRESS[3:])},
    "no entry": {"details/k2/@exists": False},
    "one entry more": {"details/k3/@exists": True, "details/k3/kind": "phone"},
}
