"""What programs are told of a request that is refused; and pages, of what concerns both."""

from __future__ import annotations

from collections.abc import Mapping

from offbook.core.messages import Message

# --- by status, where nothing better is known ------------------------------------------------------------------------

OF_STATUS: Mapping[int, Message] = {
    400: Message("bad_request", "The request can't be read."),
    401: Message("not_authorized", "Sign in first."),
    403: Message("forbidden", "You may not do this. Ask an admin."),
    404: Message("not_found", "There is nothing at this address. Check it, or start from the list of contacts."),
    405: Message("method_not_allowed", "This address does not take this method."),
    406: Message("not_acceptable", "There is no answer in the form that was asked for."),
    408: Message("request_timeout", "The request took too long to arrive. Send it again."),
    409: Message("conflict", "This does not fit what is stored."),
    410: Message("gone", "This is not here any more."),
    412: Message("precondition_failed", "The record has changed since. Fetch it again."),
    413: Message("body_too_large", "The body is too large. Send less at a time."),
    414: Message("uri_too_long", "The address is too long."),
    415: Message("unsupported_media_type", "The body's type is not one that is understood here. Send JSON."),
    429: Message("too_many_requests", "Too many requests. Wait a little."),
    500: Message("server_error", "The server failed. What you sent was not stored; try again."),
    503: Message("busy", "The server is busy. Try again in a moment."),
}
DATABASE_BUSY = Message(
    "database_busy", "The database can't be reached at the moment, or is too busy. Try again in a few seconds."
)

# --- who sends a request ---------------------------------------------------------------------------------------------

NOT_AN_ADMIN = Message("forbidden", "This is for admins. Ask one of them.")
UNKNOWN_HOST = Message(
    "misdirected_request",
    "This server does not answer to the name {host!r}. Its admin can add the name to ALLOWED_HOSTS.",
)
WEBSOCKET_ONLY = Message("upgrade_required", "Ask for this by a WebSocket.")
WRONG_ORIGIN = Message("wrong_origin", "Only offbook's own pages may listen with a session.")
WRONG_TOKEN = Message(
    "not_authorized",
    "The device's token is missing, wrong or revoked, or its user was removed for good. Add the device again on the "
    "Devices page.",
)
WRONG_METRICS_TOKEN = Message(
    "not_authorized", "The token is missing or wrong. It is the server's setting METRICS_TOKEN."
)
NO_CSRF_HEADER = Message(
    "stale_form", "With a session this needs the header X-CSRFToken, with the csrf_token of one of its pages."
)

# --- a body, an address and a form -----------------------------------------------------------------------------------

UNSUPPORTED_ENCODING = Message("unsupported_encoding", "A body may be packed with gzip, or not at all.")
NOT_GZIP = Message("bad_gzip", "The body says that it is gzip, and is not.")
BAD_GZIP = Message("bad_gzip", "The packed body is cut short, or something follows its end.")
UNPACKED_TOO_LARGE = Message("body_too_large", "A body may have at most {limit:,} bytes unpacked. Send less at a time.")
BODY_NOT_AN_OBJECT = Message("not_an_object", "The body must be an object with {keys}.")
FILE_TOO_LARGE = Message(
    "body_too_large",
    "A file may have at most {most:,} MB. Cut it into smaller ones, and import these one after the other.",
)
BAD_NUMBER = Message("bad_number", '"{name}" must be a whole number from {least} to {most}.')
BAD_SCHEMA = Message(
    "bad_schema",
    "The header {header} must be the shape of a schema, 16 hexadecimal digits as GET /tables names them.",
)
BAD_ID = Message("bad_id", '"{name}" must be a UUID like 0f8fad5b-d9cb-469f-a165-70867728950e.')
NUL_IN_REQUEST = Message("bad_text", "{name!a} in the {where} has a NUL character, which no text may have.")

# --- the API ---------------------------------------------------------------------------------------------------------

BAD_SIZE = Message("bad_size", '"size" must be {sizes}, or left out.')
CONFLICT_SETTLED = Message("not_found", "This conflict is not open: it was settled already.")
NO_CHOICE = Message("missing", 'Say either the "choice" (ours, theirs or both) or a "value" that is to stand.')
BAD_CHOICE = Message("bad_choice", "choice must be one of {choices}.")
BAD_SIDE = Message("bad_choice", 'to must be "before" or "after" the change.')
BAD_CELLS = Message("wrong_type", "cells must be a list of names of cells; leave it out for all of the change's.")
BAD_SEQ = Message("bad_base", "seq must be the seq of a change in the record's history.")
WHOLE_ZIP = Message("bad_choice", "A zip is the whole book: leave label and spreadsheet out, or the zip.")
BAD_OPTION = Message("bad_choice", "{name} must be one of {choices}.")
SEARCH_TOO_LONG = Message("bad_search", "A search has {limit} characters at the most.")
RECORD_NOT_AN_OBJECT = Message("not_an_object", "The body must be an object of the {noun}'s fields.")
BAD_RECORD_ID = Message("bad_id", "id must be a UUID as text; leave it out to have one made.")
UNKNOWN_PROTOCOL = Message("unknown_protocol", "This server speaks protocol {protocol}, not {spoken!a}.")
BAD_SINCE = Message("bad_time", '"since" must be an ISO 8601 time, like 1970-01-01T00:00:00+00:00.')
MISSING_KEY = Message("missing", '"{key}" is needed.')
NOT_TEXT = Message("wrong_type", '"{key}" must be text.')
NOT_A_FLAG = Message("wrong_type", '"{key}" must be true or false.')

# --- the live channel ------------------------------------------------------------------------------------------------

PAGE_CANT_PUSH = Message("forbidden", "A page may listen, and changes things by its forms.")
MESSAGE_NOT_AN_OBJECT = Message(
    "not_an_object", 'A message must be an object like {"push": 1, "changes": […], "since": …}.'
)
BAD_PUSH = Message("bad_push", '"push" must be a whole number of yours, by which you know the answer.')
NO_LIVE_CHANNEL = Message("no_live_channel", "This server has no live channel. Use POST /sync.")
TOO_MANY_SOCKETS = Message("too_many_sockets", "Too many sockets are open. Close some, or try again later.")

# --- the server of HTTP ----------------------------------------------------------------------------------------------

UNKNOWN_HTTP_VERSION = Message("unknown_http_version", "This server speaks HTTP/1.1.")
BAD_HOST = Message("bad_host", "A request has one Host header. This one has {count}.")
NOT_HTTP = Message("bad_request", "What was sent is not HTTP/1.1 (RFC 9112).")
BODY_CUT_SHORT = Message("bad_request", "The request ended before its body did.")
NO_CONNECT = Message("method_not_allowed", "This server connects nobody to others.")
BODY_TOO_SLOW = Message("request_timeout", "The request's body was not here after {seconds:g} seconds. Send it again.")
BODY_TOO_LARGE = Message("body_too_large", "A body may have at most {limit:,} bytes. Send less at a time.")
NO_ROOM_FOR_FILE = Message("disk_full", "The server has no room for this file. Whoever looks after it must make some.")
HEAD_TOO_LARGE = Message(
    "headers_too_large", "A request may have at most {count} headers and trailers, of {most:,} bytes."
)
SIGN_INS_BUSY = Message("busy", "Many people are signing in at this moment. Go back and try again in a few seconds.")
BOOKS_BUSY = Message(
    "busy", "Several whole books are being read or written at this moment. Go back and try again in a few seconds."
)
ANSWERS_WAIT = Message(
    "busy", "Answers that this address was given before still wait to be taken. Read them, then ask again."
)
