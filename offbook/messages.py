"""What a device says where it refuses something, or can't go on: sentences as those of offbook.core.messages."""

from __future__ import annotations

from offbook.core.messages import Message

# --- records, photos and conflicts of this device --------------------------------------------------------------------

NO_TABLE = Message("not_found", "This book has no table {name!a}. It has {tables}.")
NO_RECORD = Message("not_found", "There is no {noun} with the id {id!a} on this device.")
NO_LABEL = Message("not_found", "There is no {noun} called {name!a} on this device.")
BAD_PHOTO_SIZE = Message("bad_size", "Ask by a SHA-256 in hexadecimal digits, and for a size of {widths} or none.")
NO_PHOTO = Message(
    "not_found", "This photo is not on this device, and the server does not have it: it may still be sent."
)
OTHER_PHOTO = Message("server_fault", "The server answers with another photo than the one that was asked for.")
CHOICE_OR_VALUE = Message("bad_choice", "Say either which version is to stand (ours, theirs, both), or a value.")
BAD_CHOICE = Message("bad_choice", "A choice is one of {choices}: not {text!a}.")
NO_CONFLICT = Message("not_found", "There is no open conflict with the id {id!a}: it was settled, or it never was.")
CELL_NOT_KNOWN = Message(
    "unknown_cell", "This version of offbook does not know all of {cell}: update it, or decide elsewhere."
)
DELETION_HAS_NO_VALUES = Message("bad_data", "A deletion has no values that could be corrected.")
NO_PARKED_CHANGE = Message("not_found", "There is no parked change with the id {id!a}.")

# --- the history -----------------------------------------------------------------------------------------------------

NO_RECORD_ON_SERVER = Message("not_found", "The server has no such {noun} (any more), and so no history of it.")
ENDLESS_HISTORY = Message("server_fault", "The server's history of this {noun} has no end.")
CHANGE_OF_OTHERS = Message("not_found", "This device did not make that change: say which record it was about.")
NO_CHANGE = Message("not_found", "The history of this record has no change with the id {id!a}.")
BAD_SIDE = Message("bad_choice", "to is {before} or {after} the change.")
CHANGED_NOTHING = Message("no_version", "This change altered nothing: choose the one before it.")
CHANGE_TOO_OLD = Message("too_old", "The history does not reach back so far any more: choose a later change.")

# --- the file --------------------------------------------------------------------------------------------------------

DISK_FULL = Message(
    "disk_full",
    "The disk of {path} is full: nothing was written, and nothing that was there is lost. Make room on it, and try "
    "again.",
)
UNREADABLE_LOG = Message(
    "read_only",
    "{path} can't be read where this user may not write: changes lie in a file beside it, whose name ends in {logs}. "
    "Copy all of them to a folder of your own, and open it there.",
)
READ_ONLY_FILE = Message(
    "read_only", "{path} can't be written to: the file, its folder or its disk is read-only for this user."
)
OLD_READ_ONLY_FILE = Message(
    "read_only", "{reason} This offbook can read it once it has been opened where it may be written."
)
NEWER_FILE = Message("too_new", "This file was written by a newer offbook: update offbook on this device.")
SYNCING_ALREADY = Message("busy", "Another process or thread is syncing this replica. Try again when it is done.")

NO_TOKEN = Message("no_server", "This device has no token yet: give it one, then sync.")
NO_SERVER = Message("no_server", "This device has no server yet: give it one, then sync.")

# --- a server that can't be reached, or lets nobody in ---------------------------------------------------------------

NOT_A_SERVER = Message("offline", "{address!a} is not the address of a server: it must begin with http:// or https://.")
BAD_TOKEN = Message(
    "not_authorized", "The token has characters that no token has. Copy it again from the page of devices."
)
NOT_PACKED = Message("server_fault", "{source} says that its answer is packed, and it is not.")
ANSWER_TOO_SLOW = Message(
    "offline", "{source} takes longer than {seconds:g} seconds for one answer. It is tried again later."
)
ANSWER_TOO_LARGE = Message("server_fault", "The answer of {source} is larger than {most} MiB, which no page is.")
BAD_PROXY = Message(
    "proxy",
    "The proxy {proxy}, which the environment names for {server}, can't be used ({reason}). Set http_proxy, "
    "https_proxy and all_proxy right, or name the server in no_proxy.",
)
NOT_REACHED = Message("offline", "{source} can't be reached ({reason}). It is tried again later.")
ANSWER_TO_NOTHING = Message("server_fault", "The server answers a question that was not asked.")
TOKEN_REFUSED = Message("not_authorized", "The server does not accept this device's token: {detail}")
SERVER_BUSY = Message("sync_failed", "The server is busy: {detail}")
SERVER_FAILED = Message("server_fault", "The server failed (status {status}): {detail}")

# --- what was typed as the address of a server ----------------------------------------------------------------------

ODD_CHARACTERS = Message(
    "bad_address",
    "The server's address has spaces or special characters in it: copy it again. {example}",
)
NO_SCHEME = Message("bad_address", "The server's address must begin with http:// or https://. {example}")
NO_HOST = Message("bad_address", "The server's address names no host. {example}")
SECRET_IN_ADDRESS = Message(
    "bad_address",
    "The server's address has a name or a password in it: leave them out, the token says who this is. {example}",
)
QUERY_IN_ADDRESS = Message(
    "bad_address",
    "The server's address has a query in it: leave out what begins with the ?. {example}",
)
FRAGMENT_IN_ADDRESS = Message(
    "bad_address",
    "The server's address has a fragment in it: leave out what begins with the #. {example}",
)
BAD_HOST = Message("bad_address", "The host in the address is neither a name nor an IP address. {example}")
BAD_PORT = Message("bad_address", "The port in the address must be a number from 1 to 65535. {example}")

# --- a sync ----------------------------------------------------------------------------------------------------------

MORE_IS_NOT_TOLD = Message("server_fault", "The server says that it has more, and does not tell it.")
NOTHING_MOVES = Message("server_fault", "The server answers, but neither takes what is sent nor says what is new.")
NO_SNAPSHOT = Message("server_fault", "The server does not let this device have a copy of its book.")
OTHER_BOOK = Message(
    "other_book",
    "The token belongs to another book than the one on this device. Nothing was sent or applied: use the token that "
    "was made for this device, or a new file.",
)

# --- the live channel ------------------------------------------------------------------------------------------------

PAGES_OF_NOTHING = Message("server_fault", "The server sends page after page with nothing new in them.")
PUSH_WAS_NOT_SENT = Message("server_fault", "The server answers a push that was not sent.")
PUSH_NOT_ANSWERED = Message("server_fault", "The server answers, and says nothing about what was sent.")
CHANNEL_CLOSED = Message("offline", "The server closed the live channel.")
TOO_MANY_PIECES = Message("offline", "A message of the live channel comes in more than {limit:,} pieces.")
MESSAGE_TOO_SLOW = Message("offline", "A message of the live channel takes longer than {seconds:g} seconds.")
BAD_PROXY_FOR_CHANNEL = Message(
    "no_live", "The proxy {proxy}, which the environment names for {place}, can't be used for the live channel ({why})."
)
CHANNEL_BROKE = Message("offline", "The live channel broke ({reason}). It is opened again by itself.")
CHANNEL_NOT_OPENED = Message("offline", "The live channel can't be opened ({reason}). It is tried again later.")
CHANNEL_REFUSED = Message("no_live", "The live channel can't be opened ({reason}).")
NO_CHANNEL = Message("no_live", "There is no live channel (status {status}): {reason}")
HANDSHAKE_NOT_ANSWERED = Message("no_live", "Nobody answers the handshake of the live channel.")
CHANNEL_SILENT = Message("offline", "The server does not answer what was sent over the live channel.")

# --- a comparison with the server ------------------------------------------------------------------------------------

CHANGES_TOO_FAST = Message(
    "sync_failed", "Others change the book faster than it can be compared. Try again in a moment."
)
MANY_OF_ONE_ID = Message("server_fault", "The server says that it has many records of one id.")
PARTS_DIFFER = Message(
    "server_fault", "The server's sums don't add up: what it says of a range is not what its parts hold."
)
DIGEST_OF_OTHER_ROW = Message(
    "server_fault", "The server's digest of a record is not that of its row: its data needs a look."
)
RECORDS_DIFFER = Message(
    "server_fault", "The server's sums don't add up: what it says of a range is not what its records are."
)
OTHER_FIELDS = Message(
    "sync_failed",
    "The server's records have other fields than those of this device, so they can't be compared: update offbook "
    "where it is older.",
)
CANT_COMPARE = Message("refused", "This server can't compare its records with a device's: it is too old for that.")

# --- what a batch wrote ----------------------------------------------------------------------------------------------

SERVER_TOO_OLD = Message("not_found", "This server is too old to know batches: update it.")
NO_BATCH = Message(
    "not_found",
    "The server has no batch {batch!a} of this book, or nothing of it took effect: there is nothing to undo.",
)
