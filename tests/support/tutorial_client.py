"""The client of the offline-first tutorial, as its readers have it: integer ids, a log, pull then push.

Its sync is what many apps run, so it stays as it is, with all that it does not do: no bases, no merging, `INSERT OR
REPLACE` over whatever was edited meanwhile, and a full stop at the first answer that is not 200.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

FIRST_SYNC = "1970-01-01T00:00:00+00:00"

SCHEMA = """
CREATE TABLE IF NOT EXISTS contacts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    email TEXT,
    phone TEXT,
    updated_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS change_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    table_name TEXT NOT NULL,
    record_id INTEGER NOT NULL,
    operation TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    synced INTEGER DEFAULT 0
);
CREATE TABLE IF NOT EXISTS sync_state (key TEXT PRIMARY KEY, value TEXT);
"""


def utc_now() -> str:
    return datetime.now(UTC).isoformat()


class Lost(Exception):
    """The network failed, before or after the server did its part."""


class TutorialClient:
    """One app. ``get`` and ``post`` are its network: the path with its query, and a body; a status and JSON back."""

    def __init__(
        self,
        path: Path | str,
        get: Callable[[str], tuple[int, Any]],
        post: Callable[[str, dict[str, Any]], tuple[int, Any]],
        now: Callable[[], str] = utc_now,
    ) -> None:
        self.conn = sqlite3.connect(path)
        self.conn.row_factory = sqlite3.Row
        self.conn.executescript(SCHEMA)
        self.get, self.post, self.now = get, post, now

    # --- what the app does, online or not ---

    def add(self, name: str, email: str | None = None, phone: str | None = None) -> int:
        now = self.now()
        cursor = self.conn.execute(
            "INSERT INTO contacts (name, email, phone, updated_at) VALUES (?, ?, ?, ?)", (name, email, phone, now)
        )
        self.log(cursor.lastrowid or 0, "INSERT", now)
        self.conn.commit()
        return cursor.lastrowid or 0

    def update(self, contact_id: int, **values: str | None) -> None:
        now = self.now()
        assignments = ", ".join(f"{column} = ?" for column in (*values, "updated_at"))
        self.conn.execute(f"UPDATE contacts SET {assignments} WHERE id = ?", (*values.values(), now, contact_id))
        self.log(contact_id, "UPDATE", now)
        self.conn.commit()

    def delete(self, contact_id: int) -> None:
        self.conn.execute("DELETE FROM contacts WHERE id = ?", (contact_id,))
        self.log(contact_id, "DELETE", self.now())
        self.conn.commit()

    def log(self, record_id: int, operation: str, timestamp: str) -> None:
        self.conn.execute(
            "INSERT INTO change_log (table_name, record_id, operation, timestamp) VALUES ('contacts', ?, ?, ?)",
            (record_id, operation, timestamp),
        )

    # --- the sync ---

    def sync(self) -> bool:
        """Whether all went through."""
        try:
            return self.pull() and self.push()
        except (Lost, requests.ConnectionError):
            return False

    def pull(self) -> bool:
        row = self.conn.execute("SELECT value FROM sync_state WHERE key = 'last_sync'").fetchone()
        last_sync = row["value"] if row else FIRST_SYNC
        status, changes = self.get(f"/changes?since={last_sync}")
        if status != 200:
            return False
        for change in changes:
            if change["operation"] == "DELETE":
                self.conn.execute("DELETE FROM contacts WHERE id = ?", (change["record_id"],))
            else:
                data = change["data"]
                self.conn.execute(
                    "INSERT OR REPLACE INTO contacts (id, name, email, phone, updated_at) VALUES (?, ?, ?, ?, ?)",
                    (data["id"], data["name"], data["email"], data["phone"], data["updated_at"]),
                )
            last_sync = change["timestamp"]
        self.conn.execute("INSERT OR REPLACE INTO sync_state (key, value) VALUES ('last_sync', ?)", (last_sync,))
        self.conn.commit()
        return True

    def push(self) -> bool:
        for entry in self.conn.execute("SELECT * FROM change_log WHERE synced = 0 ORDER BY id").fetchall():
            row = self.conn.execute("SELECT * FROM contacts WHERE id = ?", (entry["record_id"],)).fetchone()
            body = {
                "table": entry["table_name"],
                "record_id": entry["record_id"],
                "operation": entry["operation"],
                "timestamp": entry["timestamp"],
                "data": dict(row) if row else None,
            }
            status, _ = self.post("/sync", body)
            if status != 200:
                return False
            self.conn.execute("UPDATE change_log SET synced = 1 WHERE id = ?", (entry["id"],))
            self.conn.commit()
        return True

    # --- what a test looks at ---

    def rows(self) -> dict[int, tuple[str | None, ...]]:
        query = "SELECT id, name, email, phone FROM contacts ORDER BY id"
        return {row["id"]: tuple(row)[1:] for row in self.conn.execute(query)}

    def contents(self) -> list[tuple[str, ...]]:
        """All rows without their ids, in order; no text is empty text."""
        return sorted(tuple(value or "" for value in row) for row in self.rows().values())

    def unsent(self) -> int:
        count: int = self.conn.execute("SELECT COUNT(*) FROM change_log WHERE synced = 0").fetchone()[0]
        return count

    def close(self) -> None:
        self.conn.close()


def over_http(url: str) -> tuple[Callable[[str], tuple[int, Any]], Callable[[str, dict[str, Any]], tuple[int, Any]]]:
    """``get`` and ``post`` for a server at ``url``, which holds the token: http://any:token@127.0.0.1:5000."""

    def get(path: str) -> tuple[int, Any]:
        # Joined as text, as the tutorial does: the + of the offset goes out as it is, and arrives as a space.
        answer = requests.get(url + path, timeout=10)
        return answer.status_code, answer.json()

    def post(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        answer = requests.post(url + path, json=body, timeout=10)
        return answer.status_code, answer.json()

    return get, post
