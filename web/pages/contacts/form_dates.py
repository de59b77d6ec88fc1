"""The days of a contact's form, in the order that its reader's browser asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flask import request

from offbook.contacts.typed_dates import DateStyle, read_day, style_of, write_day
from web.pages.contacts.form import ContactForm


def requested_style() -> DateStyle:
    """How the reader of this page writes days, by the first language of the browser."""
    return style_of(next(iter(request.accept_languages.values()), ""))


def with_typed_days(form: ContactForm, style: DateStyle) -> ContactForm:
    """The form with its days as its reader writes them."""
    return _with_days(form, lambda text: write_day(text, style))


def with_stored_days(form: ContactForm, style: DateStyle) -> ContactForm:
    """The form with its days as they are stored; what is none stays as it was typed."""
    return _with_days(form, lambda text: read_day(text, style) or text)


def _with_days(form: ContactForm, changed: Callable[[str], str]) -> ContactForm:
    dates = tuple(replace(row, value=changed(row.value)) for row in form.rows["date"])
    fields = {**form.fields, "birthday": changed(form.fields["birthday"])}
    return replace(form, fields=fields, rows={**form.rows, "date": dates})
