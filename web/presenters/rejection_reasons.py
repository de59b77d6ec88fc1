"""Why a change waits on a device, in words. A device reports codes and counts, never what was typed."""

from __future__ import annotations

from collections.abc import Mapping

from web.presenters.formatting import format_count

REASONS: Mapping[str, str] = {
    "bad_base": "it does not say what it knew",
    "bad_choice": "a value is none of those that are allowed",
    "bad_data": "its values can’t be read",
    "bad_resolves": "the conflicts that it settles can’t be read",
    "bad_history": "it does not say clearly whether it is for the history",
    "bad_date": "a date is not a date",
    "bad_id": "its id is not a UUID",
    "bad_text": "a text has characters that no text may have",
    "bad_key": "a detail has a key that no detail may have",
    "bad_time": "its time can’t be read",
    "base_missing": "it does not say what it knew",
    "base_unknown": "it knew something that this server does not: sync once more",
    "body_too_large": "it is too large to be sent",
    "missing": "something that is needed is missing",
    "not_an_object": "it can’t be read",
    "out_of_range": "a number is too large or too small",
    "too_deep": "its values can’t be read",
    "too_long": "a text is too long",
    "too_many_entries": "a contact has too many details",
    "unknown_cell": "it has a field that this server does not know",
    "unknown_key": "it has something that this server does not know",
    "unknown_operation": "it does something that this server does not know",
    "unknown_record": "its contact is not there any more",
    "unknown_table": "it is of a table that this server does not know",
    "wrong_type": "a value is of the wrong kind",
}
"""By the code of a rejection. A code that is not here, of a later version, is shown as it is."""


def waiting(device: str, code: str, changes: int) -> str:
    """``2 changes wait on Laptop: a text is too long``."""
    verb = "waits" if changes == 1 else "wait"
    return f"{format_count(changes, 'change')} {verb} on {device}: {REASONS.get(code, code)}"
