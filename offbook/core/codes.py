"""Every code that a refusal carries: on the wire, in what a command prints as JSON, in a log.

A code is stable and for programs. What is said with it to people is in the modules ``messages``, one a layer:
offbook.core.messages is the first. The API's description, the reasons on the page of activity, docs and tests are made
from CODES.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Flag, auto
from types import MappingProxyType
from typing import NamedTuple

from offbook.core.text import with_article


class Scope(Flag):
    """Which requests a code can be the answer to, for codes that are not one address's own; and what it is about."""

    ANY = auto()  # every request
    SIGNED_IN = auto()  # one that needs a user
    BODY = auto()  # one with a body
    PUSH = auto()  # a push as a whole
    RECORD = auto()  # one about a single record, with status 422; in a push, the change is rejected
    CHANGE = auto()  # none: a change of a push is rejected, and its neighbours go on
    TYPED = auto()  # none by itself: it counts for what a person types, and not for what a server has said


ELSEWHERE = Scope(0)
"""Of a code that one address, one command or a device gives."""


class Code(NamedTuple):
    """A code: the status of an answer that has it (None: it is in none, or in one about something else too).

    ``reason`` says why a change waits on a device that parked it for this code: the second half of a sentence, as
    reason_of() fills it in.
    """

    name: str
    status: int | None = None
    scope: Scope = ELSEWHERE
    reason: str = ""


def _by_name(*codes: Code) -> Mapping[str, Code]:
    return MappingProxyType({code.name: code for code in codes})


CODES = _by_name(
    # --- a value can't be stored, or a change can't be applied
    Code("bad_base", None, Scope.CHANGE, "it does not say what it knew"),
    Code("bad_choice", None, Scope.RECORD | Scope.TYPED, "a value is none of those that are allowed"),
    Code("bad_data", 400, Scope.CHANGE | Scope.PUSH, "its values can’t be read"),
    Code("bad_date", None, Scope.RECORD | Scope.TYPED, "a date is not a date"),
    Code("bad_history", None, Scope.CHANGE, "it does not say clearly whether it is for the history"),
    Code("bad_id", 400, Scope.RECORD | Scope.PUSH, "its id is not a UUID"),
    Code("bad_json", None, Scope.RECORD | Scope.TYPED, "a JSON value is nested too deeply"),
    Code("bad_key", None, Scope.RECORD, "a detail has a key that no detail may have"),
    Code("bad_resolves", None, Scope.CHANGE, "the conflicts that it settles can’t be read"),
    Code("bad_text", 400, Scope.RECORD | Scope.ANY, "a text has characters that no text may have"),
    Code("bad_time", 400, Scope.RECORD | Scope.CHANGE | Scope.PUSH, "its time can’t be read"),
    Code("base_missing", None, Scope.CHANGE, "it does not say what it knew"),
    Code("base_unknown", None, Scope.CHANGE, "it knew something that this server does not: sync once more"),
    Code("missing", None, Scope.RECORD | Scope.TYPED, "something that is needed is missing"),
    Code("not_an_object", 400, Scope.CHANGE | Scope.BODY, "it can’t be read"),
    Code("out_of_range", None, Scope.RECORD | Scope.TYPED, "a number is too large or too small"),
    Code("record_too_large", None, Scope.RECORD | Scope.TYPED, "{record} would hold too much"),
    Code("too_long", None, Scope.RECORD | Scope.TYPED, "a text is too long"),
    Code("too_many_entries", None, Scope.RECORD | Scope.TYPED, "{record} has too many details"),
    Code("unknown_cell", None, Scope.RECORD, "it has a field that this server does not know"),
    Code("unknown_key", 400, Scope.CHANGE | Scope.PUSH, "it has something that this server does not know"),
    Code("unknown_operation", None, Scope.CHANGE, "it does something that this server does not know"),
    Code("unknown_record", None, Scope.CHANGE, "its {singular} is not there any more"),
    Code("unknown_table", None, Scope.CHANGE, "it is of a table that this server does not know"),
    Code("wrong_type", None, Scope.RECORD, "a value is of the wrong kind"),
    # --- a request can't be read, or is not taken as a whole
    Code("bad_change", 400, Scope.PUSH),
    Code("bad_cursor", 400, Scope.PUSH),
    Code("bad_digest", 400),
    Code("bad_filter", 400),
    Code("bad_gzip", 400, Scope.BODY),
    Code("bad_host", 400),
    Code("bad_ids", 400),
    Code("bad_kept", 400, Scope.PUSH),
    Code("bad_limit", 400),
    Code("bad_number", 400),
    Code("bad_only", 400, Scope.PUSH),
    Code("bad_parked", 400, Scope.PUSH),
    Code("bad_place", 400),
    Code("bad_push", 400),
    Code("bad_ranges", 400),
    Code("bad_request", 400),
    Code("bad_schema", 400, Scope.PUSH),
    Code("bad_search", 400),
    Code("bad_seen", 400, Scope.PUSH),
    Code("bad_size", 400),
    Code("bad_sort", 400),
    Code("bad_without", 400),
    Code("broken_form", 400),
    Code("changes_not_a_list", 400, Scope.PUSH),
    Code("duplicate_key", 400, Scope.BODY),
    Code("empty", 400, Scope.BODY),
    Code("not_json", 400, Scope.BODY),
    Code("not_utf8", 400, Scope.BODY),
    Code("number_too_long", 400, Scope.BODY),
    Code("stale_form", 400),
    Code("too_deep", 400, Scope.BODY, "its values can’t be read"),
    Code("unknown_protocol", 400, Scope.PUSH),
    Code("method_not_allowed", 405),
    Code("not_acceptable", 406),
    Code("request_timeout", 408, Scope.BODY),
    Code("body_too_large", 413, Scope.BODY, "it is too large to be sent"),
    Code("too_many_changes", 413, Scope.PUSH),
    Code("uri_too_long", 414),
    Code("unsupported_encoding", 415, Scope.BODY),
    Code("unsupported_media_type", 415),
    Code("misdirected_request", 421, Scope.ANY),
    Code("upgrade_required", 426),
    Code("headers_too_large", 431),
    Code("unknown_http_version", 505),
    # --- who asks may not, or not now
    Code("not_authorized", 401, Scope.SIGNED_IN),
    Code("forbidden", 403),
    Code("user_disabled", 403, Scope.SIGNED_IN),
    Code("user_removed", 403, Scope.SIGNED_IN),
    Code("wrong_origin", 403),
    Code("wrong_password", 422),
    Code("too_many_attempts", 429),
    Code("too_many_requests", 429),
    Code("too_many_sockets", 429),
    # --- what is asked for does not fit what is stored
    Code("invalid_sync_token", 403),
    Code("not_found", 404),
    Code("conflict", 409),
    Code("exists", 409),
    Code("in_trash", 409),
    Code("last_admin", 409),
    Code("purged", 409),
    Code("taken", 409),
    Code("uid_taken", 409),
    Code("cursor_gone", 410, Scope.PUSH),
    Code("gone", 410),
    Code("pruned", 410),
    Code("precondition_failed", 412),
    Code("bad_address", 422),
    Code("bad_days", 422),
    Code("bad_moment", 422),
    Code("bad_name", 422),
    Code("bad_picture", 422),
    Code("changed_since", 422),
    Code("future", 422),
    Code("name_taken", 422),
    Code("no_version", 422),
    Code("not_a_stream", 422),
    Code("password_common", 422),
    Code("password_guessable", 422),
    Code("password_length", 422),
    Code("too_large_for_zip", 422),
    Code("too_many_pixels", 422),
    Code("too_old", 422),
    Code("unknown_policy", 422),
    Code("unknown_region", 422),
    Code("used_id", 422),
    Code("wrong_hash", 422),
    # --- a cell of a batch that is undone stays as it is (beside changed_since and purged)
    Code("deleted_since"),
    # --- the server can't, or not now
    Code("server_error", 500, Scope.ANY),
    Code("busy", 503, Scope.ANY),
    Code("database_busy", 503, Scope.ANY),
    Code("moving", 503, Scope.ANY),
    Code("no_live_channel", 503),
    Code("read_only", 503, Scope.ANY),
    Code("tables_grown", 503, Scope.PUSH),
    Code("unwritable", 503),
    Code("book_full", 507),
    Code("disk_full", 507, Scope.ANY),
    # --- a file can't be imported
    Code("bad_mapping", 422),
    Code("broken_csv"),
    Code("cut_off"),
    Code("not_google_csv"),
    Code("not_importable"),
    Code("too_many_records"),
    Code("not_text"),
    # --- a place of a file is told, and the rest of it is imported (beside too_long and too_many_entries)
    Code("bad_row"),
    Code("damaged_cell"),
    Code("more_problems"),
    Code("no_end"),
    Code("no_heading"),
    Code("outside"),
    Code("same_uid"),
    Code("second_value"),
    Code("unknown_members"),
    Code("unreadable_line"),
    # --- a card that a phone or a mail program sends is not taken (beside not_importable and cut_off)
    Code("group_card", 403),
    Code("uid_changed", 409),
    # --- a request of CardDAV is refused (beside these: unsupported_media_type, body_too_large, too_many_attempts)
    Code("bad_depth", 400),
    Code("bad_range", 400),
    Code("bad_xml", 400),
    Code("finite_depth", 403),
    Code("https_required", 403),
    Code("one_book", 403),
    Code("unsupported_collation", 403),
    Code("unsupported_data", 403),
    Code("unsupported_filter", 403),
    Code("unsupported_report", 403),
    Code("too_many_hrefs", 507),
    # --- nothing is refused: it was done, as a page says; or is as it should be, or not, as the doctor finds
    Code("done"),
    Code("healthy"),
    Code("unhealthy"),
    # --- a device, a command or a stream can't go on
    Code("ambiguous"),
    Code("backup"),
    Code("bad_declaration"),
    Code("behind_parked"),
    Code("cut_short"),
    Code("error"),
    Code("fault"),
    Code("file"),
    Code("ingest_failed"),
    Code("interrupted"),
    Code("key_exists"),
    Code("name_taken"),
    Code("no_book"),
    Code("no_live"),
    Code("no_server"),
    Code("not_growth"),
    Code("not_offbook"),
    Code("occupied"),
    Code("offline"),
    Code("other_book"),
    Code("other_stream"),
    Code("output"),
    Code("picture_too_large"),
    Code("proxy"),
    Code("refused"),
    Code("rejected"),
    Code("server_fault"),
    Code("stopped"),
    Code("sync_failed"),
    Code("too_new"),
    Code("unkept"),
    Code("unmovable"),
    Code("unreadable"),
    Code("unwelcome"),
    Code("usage"),
)


def reason_of(name: str, singular: str) -> str:
    """Why a change waits that was parked for this code: the code itself where only a later version knows it.

    ``singular`` is what people call a record.
    """
    reason = CODES[name].reason if name in CODES else ""
    return reason.replace("{record}", with_article(singular)).replace("{singular}", singular) or name


def names_in(scope: Scope) -> tuple[str, ...]:
    """The codes of one of these scopes, in order of their names."""
    return tuple(sorted(code.name for code in CODES.values() if code.scope & scope))


def names_by_status(scope: Scope) -> dict[int, tuple[str, ...]]:
    """The codes of a scope by the status of their answers."""
    codes = sorted((code for code in CODES.values() if code.scope & scope), key=lambda code: code.name)
    statuses = sorted({code.status for code in codes if code.status is not None})
    return {status: tuple(code.name for code in codes if code.status == status) for status in statuses}
