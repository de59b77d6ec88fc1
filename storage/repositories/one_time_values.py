"""Values that are kept for minutes and taken once, by a key that is no secret: in ``settings``, as the set-up link."""

from __future__ import annotations

import json

from sqlalchemy import delete, insert, select

from models import Base
from storage.engines.database import Database

SETTINGS = Base.metadata.tables["settings"]
S = SETTINGS.c

PREFIX = "once "
KEY_LENGTH_MAX = 45
"""With the prefix, as long as a name of a setting may be."""


class OneTimeValues:
    """Values in a database, each until a time. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, key: str, value: str, until_us: int, now_us: int) -> None:
        """Keep a value under a new key. Those whose time is over are removed on this occasion."""
        with self._database.write() as connection:
            rows = connection.execute(select(S.name, S.value).where(S.name.startswith(PREFIX, autoescape=True))).all()
            over = [row.name for row in rows if json.loads(row.value)["until"] <= now_us]
            if over:
                connection.execute(delete(SETTINGS).where(S.name.in_(over)))
            kept = json.dumps({"until": until_us, "value": value})
            connection.execute(insert(SETTINGS).values(name=PREFIX + key[:KEY_LENGTH_MAX], value=kept))

    def has(self, key: str, now_us: int) -> bool:
        """Whether there is a value that can still be taken."""
        with self._database.read() as connection:
            row = connection.execute(select(S.value).where(S.name == PREFIX + key[:KEY_LENGTH_MAX])).first()
        return row is not None and json.loads(row.value)["until"] > now_us

    def take(self, key: str, now_us: int) -> str | None:
        """The value of this key, which is gone then; None where there is none, it was taken, or its time is over."""
        own = S.name == PREFIX + key[:KEY_LENGTH_MAX]
        with self._database.write() as connection:
            row = connection.execute(select(S.value).where(own)).first()
            if row is None or connection.execute(delete(SETTINGS).where(own)).rowcount != 1:
                return None
        kept = json.loads(row.value)
        value: str = kept["value"]
        return value if kept["until"] > now_us else None
