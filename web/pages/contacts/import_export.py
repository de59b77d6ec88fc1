"""The pages on which a file of contacts is looked at, taken and taken back; and the files that a book is given as.

A file is kept between the look at it and the decision (storage.uploads): what a person confirms is what was shown.
"""

from __future__ import annotations

from functools import partial
from typing import BinaryIO, NamedTuple, cast

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from offbook.contacts.importing import OnDuplicate, parse_label
from offbook.core.errors import Invalid, Malformed, NotFound, Pruned
from offbook.formats.registry import ARCHIVE, FORMATS, WRITERS
from offbook.formats.table_mapping import TableMapping, alternative_mapping
from offbook.formats.values import Contact
from services.contacts.background_imports import report_of, undo_counts_of
from services.contacts.exporting import export_contacts
from services.contacts.importing import ReadFile, owner_of_upload, read_file
from services.contacts.mappings import mapping_for, mapping_without_memory, remember
from storage.values.imports import ImportJob, JobState
from web.auth import session_required
from web.bodies.downloads import render_archive
from web.bodies.uploads import takes_file
from web.current import services
from web.messages import pages as messages
from web.messages.pages import NO_IMPORT
from web.pages.contacts.import_mapping import GOOGLE, MappingView, posted_choice, view_of
from web.request_values import posted, query
from web.server.pools import Pool, runs_in
from web.sessions import signed_in_user

import_export = Blueprint("import_export", __name__)

MICROSECONDS = 1_000_000
SHORT_SECONDS = 0.5
"""A small file is taken in this time: nobody sees a page that says that it goes on."""

NOT_KEPT = "This file is not kept any more: choose it once more."
CHANGED = "The columns have changed: this is what comes of them. Nothing is imported yet."
NAMELESS = "Choose for one column at least that it is a name, a company, an e-mail address or a phone number."

PAGES = {JobState.RUNNING: "progress", JobState.DONE: "result", JobState.STOPPED: "stopped"}
"""The page of an import by its state."""


@import_export.get("/import")
@session_required
def index() -> ResponseReturnValue:
    """The form that takes a file; while an import goes on, how far that is."""
    return show_progress() if is_importing() else render_form()


@import_export.post("/import")
@session_required
@takes_file
@runs_in(Pool.WHOLE_BOOKS)
def preview() -> ResponseReturnValue:
    """Look at a file, and tell what taking it would do. Nothing is written."""
    if is_importing():
        return show_progress()
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        return render_form(messages.NO_FILE.sentence()), 422
    content = cast(BinaryIO, upload.stream)
    try:
        looked_at = look_at(content, table_of(content))
    except Malformed as error:
        return render_form(str(error)), 422
    content.seek(0)
    digest = services().uploads.save(owner(), content, services().clock() / MICROSECONDS)
    return render_preview(looked_at, upload.filename, digest)


@import_export.post("/import/columns")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def look_again() -> ResponseReturnValue:
    """Look at the same file once more, its columns being what was chosen; or what is proposed, whatever was said."""
    content = kept_file()
    if content is None:
        return render_form(NOT_KEPT), 422
    with content:
        try:
            choice = posted_choice()
            is_anew = "proposed" in posted
            table = mapping_without_memory(content) if is_anew else table_of(content, choice.chosen)
            return render_preview(look_at(content, table), posted.text("name", ""), posted.text("digest", ""))
        except Malformed as error:
            return render_form(str(error)), 422


@import_export.post("/import/confirm")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def import_file() -> ResponseReturnValue:
    """Begin to take the file that was looked at."""
    user, digest, name = signed_in_user(), posted.text("digest", ""), posted.text("name", "")
    content = kept_file()
    if content is None:
        return render_form(NOT_KEPT), 422
    with content:
        try:
            choice = posted_choice()
            if choice.chosen != choice.shown:
                changed = look_at(content, table_of(content, choice.chosen))
                return render_preview(changed, name, digest, note=CHANGED)
            table = mapping_without_memory(content, choice.mapping)
            label = parse_label(posted.text("label", ""))
        except Malformed as error:
            return render_form(str(error)), 422
        except Invalid as error:
            return render_preview(look_at(content, table), name, digest, str(error)), 422
        if known := table or alternative_mapping(content):
            known = known._replace(origin=choice.origin)
            remember(services().csv_mappings, user.book_id, known, services().clock())
    chosen = posted.text("on_duplicate", "")
    on_duplicate = OnDuplicate(chosen) if chosen in list(OnDuplicate) else OnDuplicate.KEEP
    choices = {"on_duplicate": on_duplicate, "label": label, "mapping": choice.mapping}
    if not services().imports.start(user.id, user.book_id, digest, name, **choices):
        return render_form(NOT_KEPT), 422
    if job := current_import():
        services().imports.wait(job, SHORT_SECONDS)
    return show_progress()


@import_export.get("/import/progress")
@session_required
def progress() -> ResponseReturnValue:
    """How far the import is that goes on, or what came of the last one; gone on with where its process ended."""
    job = current_import()
    if job is None:
        return redirect(url_for("import_export.index"))
    page, is_import = f"import_export/{PAGES[job.state]}.html", not job.undoes and job.goes_back_to is None
    report, counts = (report_of(job), None) if is_import else (None, undo_counts_of(job))
    return render_template(page, job=job, report=report, counts=counts, file=job.file_name)


@import_export.post("/import/resume")
@session_required
def resume() -> ResponseReturnValue:
    """Go on with an import that stopped."""
    user = signed_in_user()
    services().imports.go_on(user.id, user.book_id)
    return show_progress()


@import_export.post("/import/undo")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def undo() -> ResponseReturnValue:
    """Begin to take back what an import wrote; what was changed since stays, and is counted."""
    user, batch = signed_in_user(), posted.uuid("batch", None)
    try:
        if batch is None:
            raise NotFound.of(NO_IMPORT)
        if not is_importing():
            services().imports.start_undo(user.id, user.book_id, batch)
    except NotFound as error:
        return render_form(str(error)), 404
    except Pruned as error:
        return render_form(str(error)), 410
    if job := current_import():
        services().imports.wait(job, SHORT_SECONDS)
    return show_progress()


@import_export.get("/export.csv")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def export_file() -> ResponseReturnValue:
    """All contacts as a file; ``format`` names another than Google's CSV, which may be for a ``spreadsheet``.

    The format zip is the whole book.
    """
    name, is_for_spreadsheet = query.text("format", "google"), query.text("spreadsheet", "") == "1"
    if name == ARCHIVE and not is_for_spreadsheet:
        return render_archive(signed_in_user().book_id)
    if name not in WRITERS or (is_for_spreadsheet and name != "google"):
        return redirect(url_for("import_export.index"))
    format_ = FORMATS[name]
    book_id = signed_in_user().book_id
    photos = partial(services().blobs.bytes_of, book_id)
    written = export_contacts(services().store, book_id, photos, name, is_for_spreadsheet=is_for_spreadsheet)
    file_name = f"contacts{'-to-look-at' * is_for_spreadsheet}{format_.suffix}"
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    return Response(written.text, mimetype=format_.media_type, headers=headers)


class Look(NamedTuple):
    """What a look at a file has shown: what it holds (None where its columns have to be chosen first), and the columns
    of a table."""

    file: ReadFile | None
    mapping: MappingView | None


def look_at(content: BinaryIO, table: TableMapping | None) -> Look:
    """What a file holds, and who of it is who in the book of who is signed in. Raises Malformed."""
    mapping = view_of(table)
    if table is not None and mapping is not None and not table.is_readable:
        return Look(None, mapping)
    file = read_file(services().store, services().contacts, signed_in_user().book_id, content, table=table)
    return Look(file, mapping if table else view_of(alternative_mapping(content), GOOGLE))


def table_of(content: BinaryIO, chosen: object | None = None) -> TableMapping | None:
    """What the columns of a file are: given, remembered or proposed; None where it needs no mapping. Raises
    Malformed."""
    return mapping_for(services().csv_mappings, signed_in_user().book_id, content, chosen=chosen)


def kept_file() -> BinaryIO | None:
    """The file that the form is about; None where it is not kept any more."""
    return services().uploads.open(owner(), posted.text("digest", ""), services().clock() / MICROSECONDS)


def render_preview(look: Look, name: str, digest: str, error: str = "", note: str = "") -> str:
    """What taking a file would do, what its columns are taken for, and what was wrong with what was chosen for it."""
    return render_template(
        "import_export/preview.html",
        report=look.file and look.file.report(OnDuplicate.KEEP),
        rows=first_rows(look.file) if look.file else [],
        mapping=look.mapping,
        file=name,
        digest=digest,
        label=posted.text("label", ""),
        error=error,
        note=note if look.file else NAMELESS,
    )


def first_rows(file: ReadFile) -> list[tuple[Contact, str]]:
    """The first contacts of a file as a list shows them, with what each is to the book."""
    pairs = zip(file.first, file.matches, strict=False)
    return [(dict(contact), match.likeness.value) for contact, match in pairs]


def current_import() -> ImportJob | None:
    """The import of who is signed in that goes on, or the last one."""
    user = signed_in_user()
    return services().imports.current(user.id, user.book_id)


def is_importing() -> bool:
    """Whether an import of who is signed in goes on."""
    job = current_import()
    return job is not None and job.state is JobState.RUNNING


def show_progress() -> ResponseReturnValue:
    """To the page of the import that goes on."""
    return redirect(url_for("import_export.progress"), 303)


def owner() -> str:
    """By what the file of who is signed in is kept."""
    return owner_of_upload(services().store, signed_in_user().book_id, signed_in_user().id)


def render_form(error: str = "") -> str:
    """The form, with what was wrong with the file that was sent."""
    total = services().contacts.count(signed_in_user().book_id)
    return render_template("import_export/upload.html", total=total, error=error, job=current_import())
