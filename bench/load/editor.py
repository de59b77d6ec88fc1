"""What a person types on a device: changes as a replica would send them, each with values that were never written."""

from __future__ import annotations

import time
from itertools import count
from random import Random

from bench.load.expected_state import Json, Rows

SKEWS = (0, 0, 0, 1, -2, 3600)
"""By how many seconds devices' clocks are off."""

values = count(1)


class Editor:
    """Makes the changes of one replica, whose clock is off by a constant."""

    def __init__(self, random: Random, replica: str) -> None:
        self._random = random
        self._replica = replica
        self._skew = random.choice(SKEWS)

    def insert(self) -> Json:
        name = f"{self.value()} {self._random.choice(('Lovelace', 'Babbage', 'Somerville', 'Herschel'))}"
        data = {"name": name, "phone": self.value(), "email": f"{self.value()}@example.org", "company": "Engines"}
        return self._change(self._uuid(), "INSERT", 0, data)

    def edit(self, rows: Rows) -> Json:
        """Of one of these contacts, mostly one that others of the book edit too; now and then a deletion."""
        key = self._some(rows)
        if key is None or self._random.random() < 0.15:
            return self.insert()
        seq = rows[key]["seq"]
        if self._random.random() < 0.04:
            return self._change(key[1], "DELETE", seq, None)
        cells = self._random.sample(("phone", "email", "company", "notes", "nickname"), self._random.choice((1, 1, 2)))
        return self._change(key[1], "UPDATE", seq, {cell: self.value() for cell in cells})

    def edit_unknown(self) -> Json:
        """A change that a server must reject: of a contact that never was."""
        return self._change(self._uuid(), "UPDATE", 1, {"phone": self.value()})

    def time(self) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + self._skew))

    def _some(self, rows: Rows) -> tuple[str, str] | None:
        keys = [key for key in rows if key[0] == "contacts"]
        if not keys:
            return None
        return self._random.choice(sorted(keys)[:5] if self._random.random() < 0.3 else keys)

    def _change(self, record_id: str, operation: str, base: int, data: Json | None) -> Json:
        change: Json = {"id": self._uuid(), "table": "contacts", "record_id": record_id, "operation": operation}
        change |= {"replica": self._replica, "timestamp": self.time(), "base": base}
        return change if data is None else {**change, "data": data}

    def value(self) -> str:
        return f"v{next(values)}"

    def _uuid(self) -> str:
        text = f"{self._random.getrandbits(128):032x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
