"""Python's own SQLite and the one that a device is installed with: whoever writes to a file may have either."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

DRIVERS = [
    "sqlite3",
    pytest.param(
        "pysqlite3.dbapi2",
        marks=pytest.mark.skipif(
            find_spec("pysqlite3") is None,
            reason="pysqlite3 has no wheel for this machine: only Python's own SQLite is tested",
        ),
    ),
]
