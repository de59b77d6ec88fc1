"""Our own tables in a replica's file, and the steps that bring an older file to them."""

from __future__ import annotations

from collections.abc import Mapping

from offbook.database.ddl.triggers import NOW

# Version and variant as RFC 9562, section 5.4, has them: the third group begins with 4, the fourth with 8, 9, a or b.
UUID = " || ".join(
    (
        "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'",
        "substr('89ab', 1 + instr('0123456789ABCDEF', substr(hex(randomblob(1)), 2)) % 4, 1)",
        "substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))",
    )
)

FIRST = (
    "CREATE TABLE guard (id INTEGER PRIMARY KEY CHECK (id = 1), applying INTEGER NOT NULL DEFAULT 0)",
    "INSERT INTO guard (id) VALUES (1)",
    "CREATE TABLE notes (table_name TEXT PRIMARY KEY, replaced TEXT) WITHOUT ROWID",
    f"""CREATE TABLE change_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  table_name TEXT NOT NULL,
  record_id TEXT NOT NULL,
  operation TEXT NOT NULL,
  timestamp TEXT NOT NULL DEFAULT ({NOW}),
  synced INTEGER NOT NULL DEFAULT 0,
  change_id TEXT NOT NULL DEFAULT ({UUID}),
  base INTEGER NOT NULL DEFAULT 0,
  bases TEXT,
  data TEXT,
  seq INTEGER,
  verdict TEXT,
  code TEXT,
  detail TEXT
)""",
    "CREATE INDEX change_log_pending ON change_log (id) WHERE synced = 0",
    "CREATE INDEX change_log_unsettled ON change_log (table_name, record_id) WHERE synced <> 1",
    "CREATE INDEX change_log_acknowledged ON change_log (table_name, record_id, seq) WHERE synced = 1",
    """CREATE TABLE server_rows (
  table_name TEXT NOT NULL,
  record_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  deleted INTEGER NOT NULL DEFAULT 0,
  data TEXT,
  stale INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (table_name, record_id)
) WITHOUT ROWID""",
    f"""CREATE TABLE sync_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  replica TEXT NOT NULL DEFAULT ({UUID}),
  home TEXT,
  shape TEXT NOT NULL DEFAULT '',
  server TEXT,
  token TEXT,
  book TEXT,
  cursor TEXT,
  snapshot INTEGER NOT NULL DEFAULT 0,
  last_success_ms INTEGER,
  clock_offset_ms INTEGER,
  lease_holder TEXT,
  lease_until_ms INTEGER
)""",
    "INSERT INTO sync_state (id) VALUES (1)",
)

SECOND = (
    "ALTER TABLE change_log ADD COLUMN resolves TEXT",
    """CREATE TABLE conflicts (
  id TEXT PRIMARY KEY,
  table_name TEXT NOT NULL,
  record_id TEXT NOT NULL,
  cell TEXT NOT NULL,
  seq INTEGER NOT NULL,
  data TEXT NOT NULL
) WITHOUT ROWID""",
    "CREATE INDEX change_log_resolves ON change_log (id) WHERE resolves IS NOT NULL",
    "CREATE INDEX conflicts_record ON conflicts (table_name, record_id)",
    # A cursor may be behind conflicts that the file had no place for: they come with a snapshot.
    "UPDATE sync_state SET cursor = NULL, snapshot = 0",
)

THIRD = ("CREATE TABLE app_settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",)

# No ALTER TABLE: SQLite then reads all triggers of the file anew, and fails with what an app's own one says wrong.
FOURTH = (
    "CREATE TABLE offbook_guard (id INTEGER PRIMARY KEY CHECK (id = 1), applying INTEGER NOT NULL DEFAULT 0)",
    "INSERT INTO offbook_guard (id, applying) SELECT id, applying FROM guard",
    "DROP TABLE guard",
    "CREATE TABLE offbook_replaced (table_name TEXT PRIMARY KEY, replaced TEXT) WITHOUT ROWID",
    "INSERT INTO offbook_replaced (table_name, replaced) SELECT table_name, replaced FROM notes",
    "DROP TABLE notes",
)
"""An app may have synced tables of any other names than those that begin with offbook, and the documented ones."""

STEPS: tuple[tuple[str, ...], ...] = (FIRST, SECOND, THIRD, FOURTH)
"""What takes a file from user_version n to n + 1. A step that was released is never edited: add one."""


ADDED: Mapping[str, tuple[str, ...]] = {
    "change_log": ("typed INTEGER NOT NULL DEFAULT 1", "batch TEXT", "held TEXT"),
    "server_rows": ("seen TEXT", "deletion TEXT"),
    "sync_state": (
        "takes_history INTEGER NOT NULL DEFAULT 0",
        "knows TEXT",
        "knew TEXT",
        "knew_at TEXT",
        "cursor_before TEXT",
        "server_shape TEXT",
        "tables TEXT",
        "tables_from TEXT",
        "repulls TEXT",
        "server_tables TEXT",
        "answered INTEGER NOT NULL DEFAULT 0",
    ),
}
"""Columns that a file gains without becoming one that older versions refuse: they do without them, and keep them.

``seen`` says since when each value is known (offbook.database.server_rows.ServerRow), ``deletion`` which batch
deleted the record (offbook.database.deletions), ``takes_history`` whether a restored server also takes what is only
to be in its history (offbook.sync.restore_recovery). ``knows`` is what the version knows that made the triggers, with
their ``shape``; the three behind it and ``repulls`` are explained in offbook.database.known_cells, ``server_tables``
and ``server_shape`` in offbook.database.local_changes.held, ``answered`` in offbook.database.sync_state, ``tables`` and
``tables_from`` in offbook.database.ddl.declared, ``typed``, ``batch`` and ``held`` in
offbook.database.local_changes.change_log."""

FORGET_NOTE = """CREATE TRIGGER pulled_without_note AFTER UPDATE OF cursor ON sync_state
WHEN NEW.cursor IS NOT OLD.cursor AND NEW.knew_at IS NOT NEW.cursor AND NEW.knew IS NOT NULL
BEGIN
  UPDATE sync_state SET knew = NULL;
END"""
"""A version that notes nothing has moved the cursor. Its name is not one of those that versions make anew."""
