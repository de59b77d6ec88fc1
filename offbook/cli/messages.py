"""What the command `offbook` refuses to do: sentences as those of offbook.core.messages."""

from __future__ import annotations

from offbook.core.messages import Message

# --- a command line that asks for what can't be done -----------------------------------------------------------------

WHICH_CONFLICT = Message(
    "usage", "Say which conflict and what is to stand: `offbook resolve ID ours`, or ID --value TEXT."
)
ALL_ALONE = Message("usage", "--all decides all conflicts alike: leave the id and the value out.")
NO_EDIT = Message("usage", "Say what to change, like --phone 555-1234. `offbook edit --help` tells what there is.")
NO_RESTORE = Message(
    "usage",
    "Say what to give back: CHANGE for what a change replaced, or --contact ID --at CHANGE for a whole contact.",
)
BAD_FORMAT = Message("usage", "--format must be one of {formats}.")
SPREADSHEET_IS_CSV = Message("usage", "--spreadsheet is for a CSV: leave out --format.")
ZIP_IS_WHOLE = Message("usage", "A zip is all that is here: leave --label and --spreadsheet out.")
FILE_IS_BOOK = Message("usage", "{file} is the book itself: name another file to export to.")
FILE_NOT_UTF8 = Message("usage", "{file} is not UTF-8 text.")
NO_PHOTO = Message("usage", "Name the file of a photo, or say --remove.")
FILE_NOT_READ = Message("usage", "{path} can't be read: {reason}.")
NO_SERVER_FOR_TOKEN = Message(
    "usage", "{variable} holds a token, and this book has no server to use it with: add --server URL."
)
TOKEN_NEEDED = Message(
    "usage",
    "A token is needed, on standard input or in {variable}: the page “Devices” of the server makes one. A token has "
    "no spaces and no special characters.",
)
NO_EDIT_OF_TABLE = Message("usage", "Say what to change: `offbook table {table} edit --help` tells what there is.")
BAD_COMMAND = Message("usage", "{reason}. `{program} --help` tells more.")
BAD_SET = Message("usage", "--set {text!a} is not FIELD=VALUE with a field of {table}: {fields}.")
BAD_VALUE_OF_SET = Message("usage", "--set {name}: {reason}.")

# --- what is not there, or is there several times --------------------------------------------------------------------

NO_BOOK = Message("no_book", "There is no book at {path} yet: `offbook init` makes one.")
NO_SERVER = Message("no_server", "This device has no server yet: `offbook init --server URL` names one.")
WHOSE_CHANGE = Message("not_found", "Which contact's change is “{text}”? Say it with --contact ID.")
NO_RECORD = Message(
    "not_found",
    "There is no {noun} with the id or {column} “{text}”. `{command}` shows those that are there.",
)
NO_CELL = Message("not_found", "A contact has no “{name}”: name a field, like phone, or a detail, like details/KEY.")
NO_ENTRY = Message("not_found", "There is no {noun} with the key {key!a}. The keys here: {keys}.")
SEVERAL_ENTRIES = Message("ambiguous", "Several have a key that begins with {key!a}: {keys}.")
SEVERAL_RECORDS = Message("ambiguous", "Several {nouns} are “{text}”: {records}. Say which by its id.")
SEVERAL_RECORDS_EVER = Message("ambiguous", "Several {nouns} are, or were, “{text}”. Say which by its id.")
SEVERAL_IDS = Message("ambiguous", "{count} have an id that begins with “{text}”: give more of it.")
IMPORT_CUT_SHORT = Message("cut_short", "{reason} {added} before: import the file again, and the rest is added.")
OUTPUT_FULL = Message("output", "Standard output takes nothing more: {reason}.")
IMPORT_INTERRUPTED = Message(
    "interrupted", "The import was interrupted. {added} before: import the file again, and the rest is added."
)
BOOK_UNUSABLE = Message("cut_short", "{path} can't be used any more: {reason}.")
FILE_FAILED = Message("file", "{path}: {reason}.")
BOOK_HELD = Message(
    "file",
    "{path} is held by another program, and was not let go within {seconds:g} seconds. Try again.",
)
BOOK_FAILED = Message("file", "{path} can't be used: {reason}.")
OWN_FAULT = Message("fault", "This is a fault of offbook ({name}). {variable}=1 shows where: please report it.")
