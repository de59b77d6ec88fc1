"""The header ``Offbook-Schema``: whoever sends it names the schema that it knows, and is shown every table.

Whoever does not send it was made before apps could bring tables, and is shown and told what it was then.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from flask import Blueprint, Response, g, request

from offbook.contacts.table import FIRST_SCHEMA
from offbook.core.cells.validation import Json
from offbook.core.protocol.requests import SCHEMA_HEADER, Push, parse_push
from offbook.core.protocol.view import View
from offbook.core.schema import SHAPE, Schema
from web.current import services
from web.errors import ApiProblem
from web.messages.api import BAD_SCHEMA

FIRST_VIEW = View(FIRST_SCHEMA)


class Sender(NamedTuple):
    """Which tables the sender of this request may write to, and what it is shown.

    ``server_shape`` is that of all that the server has, where the sender named a schema; ``own_shape`` is the one that
    it named.
    """

    schema: Schema
    view: View
    server_shape: str | None
    own_shape: str | None = None

    @property
    def knows_tables(self) -> bool:
        """Whether it has all tables that the server has, as the server has them."""
        return self.own_shape is not None and self.own_shape == self.server_shape

    @property
    def shown_as_at_first(self) -> Schema:
        """What it is shown, the tables of before with the fields that they had then."""
        return Schema({**self.view.schema, **FIRST_SCHEMA}.values())

    def knows(self, schema: Schema) -> bool:
        """Whether this is the schema that the sender was told of; of none is told whoever named none."""
        return self.server_shape is None or self.server_shape == schema.shape


def note_sender() -> None:
    """Before a view: read the header. Raises ApiProblem (400) where it can't be a shape."""
    known = request.headers.get(SCHEMA_HEADER)
    schema = services().store.schema
    if known is None:
        g.sender = sender_of_before(schema)
    elif SHAPE.fullmatch(known):
        g.sender = Sender(schema, View(schema, is_sparse=True), schema.shape, known)
    else:
        raise ApiProblem(400, BAD_SCHEMA.fault(header=SCHEMA_HEADER))


def sender_of_before(schema: Schema) -> Sender:
    """One who names no schema, of a server that has this one."""
    return Sender(Schema(schema[name] for name in FIRST_SCHEMA), FIRST_VIEW, None)


def sender() -> Sender:
    """The sender of this request."""
    return cast(Sender, g.sender)


def shown_view() -> View:
    """What whoever sent this request is shown, where all that counts of the header is whether there is one."""
    return View(services().store.schema) if SCHEMA_HEADER in request.headers else FIRST_VIEW


def add_schema_header(response: Response) -> Response:
    """Tell those who named a schema which one the server has."""
    noted = cast(Sender | None, g.get("sender"))
    if noted is not None and noted.server_shape is not None:
        response.headers[SCHEMA_HEADER] = noted.server_shape
    return response


def register(blueprint: Blueprint) -> None:
    """Let the views of a blueprint know their sender, and tell the sender which schema the server has."""
    blueprint.before_request(note_sender)
    blueprint.after_request(add_schema_header)


def read_push(sender: Sender, envelope: Json, device: str) -> Push:
    """What this sender pushes from a device. Raises Malformed."""
    schema, view, shape, _ = sender
    return parse_push(schema, envelope, device, view, shape, knows_tables=sender.knows_tables)
