"""Forms of growth that look as if they would do, and lose or park what somebody typed: the law has to find each.

Each is planted into the product's own code for one world, and taken out again with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from offbook.core.errors import Invalid
from offbook.core.model import Operation
from offbook.core.schema import Schema
from offbook.core.validation import parse_cells
from offbook.database import held, known_cells
from offbook.sync import response, server_tables


def keep_cursor(patch: pytest.MonkeyPatch) -> None:
    """A file that is opened with more cells goes on from its cursor: what it had passed over is not pulled again."""
    patch.setattr(known_cells, "repulls_up_to", lambda cursor, pulls: [])


def park_unknown(patch: pytest.MonkeyPatch) -> None:
    """The server is taken to know what is known here; what it rejects is parked, and stays so."""
    patch.setattr(held, "server_schema", lambda connection: connection.schema)
    patch.setattr(server_tables, "retry_known", lambda *arguments: None)


def leave_record_out(patch: pytest.MonkeyPatch) -> None:
    """A record with a cell, a choice or a length that is not known here is left out of its page."""
    whole_row = response.page_row

    def known_row(schema: Schema, item: Any) -> response.PageRow | None:
        try:
            parse_cells(schema[item["table"]], item["data"] or {}, Operation.UPDATE)
        except (Invalid, KeyError):
            return None
        return whole_row(schema, item)

    patch.setattr(response, "page_row", known_row)


NAIVE_FORMS: Mapping[str, Callable[[pytest.MonkeyPatch], None]] = {
    "the cursor is kept": keep_cursor,
    "the unknown is parked": park_unknown,
    "a record is left out": leave_record_out,
}
