"""How a table is compared with a server's: by digest 2, without what only one side knows; or, with a server that does
not know it, by digest 1, which is made of the fields that every version has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from offbook.core.model import Value
from offbook.core.schema import Table
from offbook.core.verify.digests import digest
from offbook.core.verify.first_digests import first_digest
from offbook.database.connection import Connection
from offbook.verify.digest_lines import add_functions, first_line_queries, line_queries


class DigestForm(NamedTuple):
    """How digests of a table's records are made. ``without`` names what of it does not count; nothing in digest 1."""

    table: Table
    version: int
    without: frozenset[str] = frozenset()

    @property
    def question(self) -> Mapping[str, Any]:
        """What a comparison says of it. That it is digest 1 is not said: servers of before know no other."""
        said: dict[str, Any] = {"table": self.table.name}
        if self.version > 1:
            said["digest"] = self.version
        if self.without:
            said["without"] = sorted(self.without)
        return said

    def digest(self, record_id: str, seq: int, cells: Mapping[str, Value]) -> int:
        """The digest of a record that is there, with these cells."""
        if self.version == 1:
            return first_digest(self.table, record_id, seq, cells)
        return digest(self.table, record_id, seq, cells, self.without)

    def line_queries(self, connection: Connection) -> Iterable[str]:
        """Of the table and of each of its maps the SQL that gives, per row, its record's id and its line, in bytes."""
        if self.version == 1:
            return first_line_queries(self.table)
        add_functions(connection)
        return line_queries(self.table, self.without)
