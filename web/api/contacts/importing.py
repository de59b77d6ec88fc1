"""Contacts in and out as files, for programs: vCard and CSV."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from offbook.contacts.importing import OnDuplicate
from offbook.core.errors import Invalid, Malformed
from offbook.formats.contents import unread
from offbook.formats.registry import ARCHIVE, FORMATS, WRITERS
from offbook.formats.table_mapping import parse_given
from services.contacts.exporting import export_contacts
from services.contacts.import_run import import_contacts
from services.contacts.importing import read_file
from services.contacts.mappings import mapping_for, remember
from web.api.describe import AuthKind, documented
from web.api.schemas.basics import TEXT
from web.auth import current_device, device_required, origin_of
from web.bodies.compression import copy_file, render_json
from web.bodies.downloads import render_archive
from web.bodies.uploads import takes_file
from web.current import services
from web.messages import api as messages
from web.request_values import query
from web.server.pools import Pool, runs_in

importing = Blueprint("importing", __name__)

FORMAT: dict[str, Any] = {"type": "string", "enum": list(FORMATS)}
ON_DUPLICATE: dict[str, Any] = {"type": "string", "enum": [choice.value for choice in OnDuplicate]}
FLAG: dict[str, Any] = {"type": "string", "enum": ["0", "1"]}
WRITTEN: dict[str, Any] = {"type": "string", "enum": [*WRITERS, ARCHIVE]}
FILES = tuple(dict.fromkeys(format_.media_type for format_ in FORMATS.values()))


@importing.post("/contacts/import")
@documented(
    AuthKind.DEVICE,
    answers={200: "Imported"},
    problems={
        400: ("broken_csv", "cut_off", "not_google_csv", "not_importable", "not_text", "too_many_records"),
        422: ("bad_choice", "bad_mapping"),
    },
    body_types=FILES,
    query={
        "format": (FORMAT, "The format of the file; else it is recognized."),
        "dry_run": (FLAG, "1 to be told what would be done, and nothing is."),
        "on_duplicate": (ON_DUPLICATE, "What becomes of who may be somebody that is there: keep, if nothing is said."),
        "label": (TEXT, "A label for all who are added or changed."),
        "map": (
            TEXT,
            'What the columns of a CSV are, as JSON: {"Office": "details.phone:Work"}. It is remembered for files of '
            "the same header line; else the one that is remembered is used, or one that is proposed.",
        ),
    },
)
@device_required
@takes_file
@runs_in(Pool.WHOLE_BOOKS)
def import_file() -> Response:
    """Add the contacts of a file of at most 100 MB, which is the body. What is there already stays; the same file
    twice adds nothing."""
    format_name = _choice("format", list(FORMATS), "")
    on_duplicate = OnDuplicate(_choice("on_duplicate", list(OnDuplicate), OnDuplicate.KEEP))
    is_dry = _choice("dry_run", ["0", "1"], "0") == "1"
    parts, login = services(), current_device()
    chosen = parse_given(query.text("map", "")) if "map" in query else None
    with parts.uploads.temporary() as body:
        copy_file(request, body, parts.config.file_bytes_max)
        table = mapping_for(parts.csv_mappings, login.book_id, body, format_name, chosen)
        try:
            file = read_file(parts.store, parts.contacts, login.book_id, body, format_name or None, table=table)
        except Malformed as error:
            if not is_dry or table is None or chosen is not None:
                raise
            return render_json(unread(table, error).to_json())
        label = query.text("label", "")
        if is_dry:
            return render_json(file.report(on_duplicate, label).to_json())
        remember(parts.csv_mappings, login.book_id, table, parts.clock())
        report = import_contacts(
            parts.store,
            parts.blobs,
            login.book_id,
            origin_of(login),
            file,
            parts.clock(),
            parts.new_id,
            on_duplicate,
            label,
        )
        return render_json(report.to_json())


@importing.get("/contacts/export")
@documented(
    AuthKind.DEVICE,
    answers={200: ""},
    answer_types=FILES,
    problems={422: ("bad_choice", "too_large_for_zip")},
    query={
        "format": (WRITTEN, "google, if nothing is said; zip is the whole book, with its trash, photos and history."),
        "label": (TEXT, "Only who has this label; not in a zip."),
        "spreadsheet": (FLAG, "1 for a CSV of which a spreadsheet executes no cell; else each is as it stands."),
    },
)
@device_required
@runs_in(Pool.WHOLE_BOOKS)
def export_file() -> Response:
    """Give all contacts as a file, by name; or the whole book as a zip."""
    parts, book_id = services(), current_device().book_id
    format_ = FORMATS[_choice("format", [*WRITERS, ARCHIVE], "google")]
    is_for_spreadsheet = _choice("spreadsheet", ["0", "1"], "0") == "1"
    label = query.text("label", "")
    if format_.name == ARCHIVE:
        if label.strip() or is_for_spreadsheet:
            raise Invalid.of(messages.WHOLE_ZIP)
        return render_archive(book_id)
    photos = partial(parts.blobs.bytes_of, book_id)
    written = export_contacts(parts.store, book_id, photos, format_.name, label, is_for_spreadsheet)
    headers = {"Content-Disposition": f'attachment; filename="contacts{format_.suffix}"'}
    return Response(written.text, mimetype=format_.media_type, headers=headers)


def _choice(name: str, choices: list[str], default: str) -> str:
    value = query.text(name, default)
    if value != default and value not in choices:
        raise Invalid.of(messages.BAD_OPTION, name=name, choices=", ".join(choices))
    return value
