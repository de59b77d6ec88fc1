"""The page that takes a Google Contacts file, and the one that gives it."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from offbook.core.errors import Malformed
from services.import_export import export_contacts, import_contacts
from storage.base import ChangeOrigin
from web.auth import session_required
from web.current import services
from web.server.pools import Pool, runs_in
from web.sessions import signed_in_user

import_export = Blueprint("import_export", __name__)


@import_export.get("/import")
@session_required
def index() -> ResponseReturnValue:
    """The form that takes a file."""
    return render_form()


@import_export.post("/import")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def import_file() -> ResponseReturnValue:
    """Import a file, and tell what became of its rows."""
    file, user = request.files.get("file"), signed_in_user()
    if file is None or not file.filename:
        return render_form("Choose a file first."), 422
    try:
        report = import_contacts(
            services().store,
            services().contacts,
            user.book_id,
            ChangeOrigin(user_id=user.id),
            file.stream.read(),
            services().clock(),
            services().new_id,
        )
    except Malformed as error:
        return render_form(str(error)), 422
    return render_template("import_export/result.html", report=report, file=file.filename)


@import_export.get("/export.csv")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def export_file() -> ResponseReturnValue:
    """All contacts as a file."""
    headers = {"Content-Disposition": 'attachment; filename="contacts.csv"'}
    return Response(export_contacts(services().store, signed_in_user().book_id), mimetype="text/csv", headers=headers)


def render_form(error: str = "") -> str:
    """The form, with what was wrong with the file that was sent."""
    total = services().contacts.count(signed_in_user().book_id)
    return render_template("import_export/upload.html", total=total, error=error)
