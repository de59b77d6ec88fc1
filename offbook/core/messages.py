"""What the core says to people: each sentence as a template with named arguments, under its code.

A sentence is made in one place, Fault.detail, from a Message and its arguments; so a surface that speaks another
language, or calls a field as its page does, needs no more than the code, the template's name and the arguments.
``{name!a}`` is a text that somebody sent, quoted and in ASCII.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import NamedTuple

Argument = str | int | float | PurePath

ABOUT_FIELD = "{field} "


class Message(NamedTuple):
    """A code, and the template of a sentence that is said with it. A template that is used without arguments is the
    sentence, whatever braces are in it."""

    code: str
    template: str

    def fault(self, **arguments: Argument) -> Fault:
        """What is wrong here and now."""
        return Fault(self, arguments)

    def sentence(self, **arguments: Argument) -> str:
        """The sentence with these arguments, where it goes on as a text: to a page, or to a terminal."""
        return Fault(self, arguments).detail


NO_ARGUMENTS: Mapping[str, Argument] = MappingProxyType({})


class Fault(NamedTuple):
    """Why something is refused: a message with its arguments."""

    message: Message
    arguments: Mapping[str, Argument] = NO_ARGUMENTS

    @property
    def code(self) -> str:
        """The message's code."""
        return self.message.code

    @property
    def detail(self) -> str:
        """The sentence."""
        return self._fill(self.message.template)

    @property
    def field(self) -> str:
        """The cell that the sentence begins with; empty where it is not about one."""
        return str(self.arguments.get("field", ""))

    @property
    def reason(self) -> str:
        """The sentence without the cell's name in front."""
        return self._fill(self.message.template.removeprefix(ABOUT_FIELD))

    def _fill(self, template: str) -> str:
        return template.format_map(self.arguments) if self.arguments else template


def recorded_fault(code: str | None, detail: str | None) -> Fault | None:
    """The fault that was stored as its code and its sentence; None where there was none."""
    return None if code is None else Fault(Message(code, detail or ""))


# --- a value ---------------------------------------------------------------------------------------------------------

NO_DATA = Message("bad_data", "{operation} needs data: an object of cells.")
UNKNOWN_FIELD = Message("unknown_cell", "{table} has no field {name!a}.")
UNKNOWN_ATTRIBUTE = Message("unknown_cell", "{field} has no attribute {name!a}.")
UNKNOWN_CELL = Message("unknown_cell", "{table} has no cell {name!a}.")
MISSING = Message("missing", "{field} is needed.")
MISSING_IN_ENTRY = Message("missing", "{field} is needed for a new entry.")
EMPTY_VALUE = Message("missing", "{field} may not be empty.")
TOO_MANY_ENTRIES = Message("too_many_entries", "{field} holds {limit} entries at the most.")
RECORD_TOO_LARGE = Message("record_too_large", "A record would hold {size} kB, and {limit} kB is the most.")
BAD_KEY = Message("bad_key", "{field} has a key that is not 1 to 64 letters, digits, - or _: {key!a}.")
NOT_ENTRIES = Message("wrong_type", "{field} must be an object of entries by their keys.")
NOT_AN_ENTRY = Message("wrong_type", "{field} must be an object, or null to remove it.")
NOT_A_FLAG = Message("wrong_type", "{field} must be true or false.")
NOT_TEXT = Message("wrong_type", "{field} must be text.")
NOT_WHOLE = Message("wrong_type", "{field} must be a whole number.")
NOT_A_NUMBER = Message("wrong_type", "{field} must be a number.")
NOT_JSON_VALUE = Message("wrong_type", "{field} must be a value that JSON can say.")
TOO_MANY_PARTS = Message("wrong_type", "{field} has {limit} parts at the most.")
WRONG_SHAPE = Message("wrong_type", "This is no value that {cell} can hold.")
NUL = Message("bad_text", "{field} has a NUL character, which no text may have.")
SURROGATE = Message("bad_text", "{field} is not text that UTF-8 can hold (a lone surrogate).")
TOO_LONG = Message("too_long", "{field} has {length} characters, and {limit} is the most.")
BAD_DATE = Message("bad_date", "{field} must be a date like 1815-12-10, or --12-10 without the year.")
OUT_OF_RANGE = Message("out_of_range", "{field} must be between {least} and {most}.")
OUT_OF_64_BITS = Message("out_of_range", "{field} must be a whole number of 64 bits.")
NOT_FINITE = Message("out_of_range", "{field} must be a number that 64 bits can hold.")
JSON_INTEGER = Message("out_of_range", "{field} has a whole number of more than 53 bits, which browsers would round.")
JSON_TOO_DEEP = Message("bad_json", "{field} is nested more than {limit} levels deep.")
BAD_CHOICE = Message("bad_choice", "{field} must be one of {choices}.")
KEY_EXISTS = Message("key_exists", "{table} has a {noun} already whose {field} is {value!a}: put() changes it.")
NAMES_NOTHING = Message("bad_choice", "{field} can't be {value!a}: no such text names {noun}.")
MORE_PROBLEMS = Message("more_problems", "{count:,} more problems are not listed.")
NO_ROOM_FOR_BOTH = Message("bad_choice", "{field} has no room for both values: choose one of them, or type another.")
NO_VALUE_IN_CHANGE = Message("unknown_cell", "This change has no value for {name!a}.")

# --- a change --------------------------------------------------------------------------------------------------------

CHANGE_NOT_AN_OBJECT = Message("not_an_object", "A change must be an object.")
UNKNOWN_KEY_OF_CHANGE = Message("unknown_key", "The change has an unknown key: {key!a}.")
UNKNOWN_TABLE = Message("unknown_table", "There is no synced table of this name: it may be {tables}.")
UNKNOWN_OPERATION = Message("unknown_operation", "The operation must be one of {operations}.")
BASE_MISSING = Message("base_missing", "{operation} needs the base: the seq of the record that it changes.")
BASE_UNKNOWN = Message("base_unknown", "The base {base} is newer than anything this book has: sync first.")
BAD_BASE = Message("bad_base", "{field} must be a seq: a whole number from 0 to {most}.")
BAD_BASES = Message("bad_base", '"bases" must be an object of cells and seqs.')
UNKNOWN_CELL_OF_BASES = Message("unknown_cell", '"bases" names {name!a}, which is no cell of {table}.')
BAD_RESOLVES = Message("bad_resolves", '"resolves" must be a list of at most {limit} ids of conflicts.')
BAD_HISTORY = Message("bad_history", '"history" must be true or false.')
BAD_ID = Message("bad_id", "{field} must be a UUID like 0f8fad5b-d9cb-469f-a165-70867728950e.")
CAPITAL_ID = Message("bad_id", "An id must be a UUID in small letters: add it again under one.")
BEHIND_PARKED = Message("behind_parked", "It joins the change before it, which can't be sent.")
BAD_TIME = Message("bad_time", "{field} must be an ISO 8601 time with its offset, like 2026-11-20T17:00:00.000Z.")
NEVER_OR_LONG_DELETED = Message(
    "unknown_record", "There is no record with this id to update: it never was, or is long deleted."
)
LONG_DELETED = Message("unknown_record", "This record is long deleted, and what it held is gone: add it again.")

# --- a body, and a push as a whole -----------------------------------------------------------------------------------

EMPTY_BODY = Message("empty", "The body is empty: JSON was expected.")
BYTE_ORDER_MARK = Message("not_json", "The body begins with a byte order mark (BOM), which JSON may not: leave it out.")
UTF16 = Message("not_utf8", "The body is UTF-16, by the byte order mark (BOM) that it begins with: send UTF-8.")
NOT_UTF8 = Message("not_utf8", "The body is not UTF-8: byte {byte} can't be read.")
NOT_JSON = Message("not_json", "The body is not JSON: {flaw} at line {line}, column {column}.")
NOT_A_JSON_NUMBER = Message("not_json", "{name} is not a number that JSON knows.")
TOO_DEEP = Message("too_deep", "The body is nested too deeply.")
NUMBER_TOO_LONG = Message("number_too_long", "The body has a number of too many digits.")
DUPLICATE_KEY = Message("duplicate_key", "The key {key!a} stands twice in one object.")
PUSH_NOT_AN_OBJECT = Message("not_an_object", 'The body must be an object like {"changes": […], "since": …}.')
UNKNOWN_KEY = Message("unknown_key", "The request has an unknown key: {key!a}.")
CHANGES_NOT_A_LIST = Message("changes_not_a_list", '"changes" must be a list.')
TOO_MANY_CHANGES = Message("too_many_changes", "A request takes {limit} changes at the most: send the rest after.")
SINCE_NOT_A_CURSOR = Message("bad_cursor", '"since" must be a cursor that this server gave, or null for a snapshot.')
BAD_CURSOR = Message("bad_cursor", "This is no cursor that this server gave: leave it out to start over.")
CURSOR_GONE = Message(
    "cursor_gone", "This cursor can't be served any more ({reason}): ask for a snapshot with since = null."
)
TOKEN_GONE = Message(
    "invalid_sync_token",
    "This sync-token can't be served any more ({reason}): list all cards, with an empty one.",
)
BAD_SEEN = Message("bad_seen", '"seen" must be a seq that this server gave.')
BAD_KEPT = Message("bad_kept", '"kept" must be a seq that this server gave.')
UNKNOWN_FILTER = Message("bad_filter", "{name!a} is no field of {table}, by which to filter: {names}.")
NOT_A_FILTER = Message("bad_filter", '"{name}" must be {form}, or empty for none.')
BAD_ONLY = Message("bad_only", '"only" must be a list of one or more names of tables.')
BAD_PARKED = Message("bad_parked", '"parked" must be an object of codes and counts.')

STOPPED = Message("stopped", "The sync was told to stop.")

# --- a comparison ----------------------------------------------------------------------------------------------------

QUESTION_NOT_AN_OBJECT = Message("not_an_object", 'The body must be an object with "table" and "{key}".')
BAD_RANGES = Message("bad_ranges", '"ranges" must be a list of 1 to {limit} ranges, and "records" true or false.')
RANGES_OUT_OF_ORDER = Message("bad_ranges", "Ranges must come in order, none over another.")
BAD_RANGE = Message("bad_ranges", 'A range must be like ["3", "4a"] or ["f", null]: two beginnings of ids, in order.')
BAD_DIGEST = Message("bad_digest", '"digest" must be 1 or 2.')
BAD_WITHOUT = Message(
    "bad_without", '"without" must be a list of up to {limit} names: of fields, of maps, of attributes (tags.tag).'
)
WITHOUT_OF_FIRST = Message("bad_without", 'Nothing can be left out of digest 1: say "digest": 2 with "without".')
BAD_IDS = Message("bad_ids", '"ids" must be a list of 1 to {limit} ids.')
BAD_ID_OF_IDS = Message("bad_ids", "An id must be a UUID like 0f8fad5b-d9cb-469f-a165-70867728950e.")

# --- many records and a label ----------------------------------------------------------------------------------------

MEMBERS_NOT_AN_OBJECT = Message("not_an_object", 'The body must be an object with "add" and "remove".')
BAD_MEMBERS = Message("bad_ids", '"add" and "remove" must be lists of 1 to {limit} ids together.')
BAD_ID_OF_MEMBERS = Message("bad_ids", 'Each id of "add" and "remove" must be the UUID of a record, as text.')
MEMBER_IN_BOTH = Message("bad_ids", '{id} is in "add" and in "remove": it can be in one of them.')

# --- a declaration ---------------------------------------------------------------------------------------------------

NOT_DECLARATIONS = Message("bad_declaration", "A declaration must be a list of tables.")
NOT_A_DECLARATION = Message("bad_declaration", "{place} must be an object with a name, and its options.")
BAD_NAME = Message(
    "bad_declaration",
    "{place} is no name of a table or a column: a small letter, then up to 47 small letters, digits and _.",
)
RESERVED_NAME = Message(
    "bad_declaration", "{place}: {name} is a name that offbook or a database keeps for itself; choose another."
)
TWICE = Message("bad_declaration", "{place}: {name} is there twice.")
NOT_A_COLUMN = Message("bad_declaration", "{place}: {thing!a} is neither a field nor a map.")
UNKNOWN_TYPE = Message("bad_declaration", "{place}: the type must be one of {types}.")
UNKNOWN_OPTION = Message("bad_declaration", "{place} has an unknown option: {name!a}. It may have {options}.")
BAD_OPTION = Message("bad_declaration", "{place}: {option} must be {form}.")
OPTION_OUT_OF_RANGE = Message("bad_declaration", "{place}: {what} must be from 1 to {most}.")
LEAST_OVER_MOST = Message("bad_declaration", "{place}: the least value is larger than the most.")
BAD_HEADING = Message("bad_declaration", "{place}: {option} must be one line of at most {limit} characters.")
BAD_CHOICE_NAME = Message(
    "bad_declaration", "{place}: {choice!a} is no choice: it must be one line of 1 to {limit} characters."
)
NO_TARGET = Message("bad_declaration", "{place} must say which table it refers to.")
UNKNOWN_TARGET = Message("bad_declaration", "{place} refers to {name!a}, which is no table here: declare it too.")
CLEARS_REQUIRED = Message("bad_declaration", '{place} is required, so it can\'t be cleared: leave out gone="clear".')
DEFAULT_OF_OPTIONAL = Message("bad_declaration", "{place} has a default, which only a required field may have.")
BAD_DEFAULT = Message("bad_declaration", "{place}: the default {reason}.")
NO_SUCH_FIELD = Message("bad_declaration", "{place}: {option} names {name!a}, which is no such field.")
BAD_KEY_FIELD = Message(
    "bad_declaration",
    "{place}: the key {name} must be required, without a default, and hold text, a date, a choice or a whole number.",
)
JSON_SHARED = Message("bad_declaration", "{place} can't share a cell: JSON is a cell of its own.")
ONLY_IN_MAP = Message("bad_declaration", "{place} can't share a cell: only attributes of a map do.")
NOT_IN_MAP = Message("bad_declaration", "{place} can't name a place beside it: it is an attribute of a map itself.")
NO_PLACE_BESIDE = Message(
    "bad_declaration", "{place}: the table's first map has no place beside it, or no choice {kind!a}."
)
ROWS_ELSEWHERE = Message("bad_declaration", "{place} must leave it to offbook where its entries lie.")

NAME_TAKEN = Message(
    "name_taken",
    "This file has a table called {name} that is not synced: declare the synced one under another name.",
)
TABLE_LEFT_OUT = Message(
    "name_taken",
    "This file has a table of its own called {name}, so that {name} are not synced here."
    " Give that table another name, and open the file again.",
)
NOT_GROWTH = Message("not_growth", "What is declared can only grow, and this does not: {faults}.")

# --- the tutorial form -----------------------------------------------------------------------------------------------

NOT_ONE_CHANGE = Message("not_an_object", "The body must be one change, an object.")
BAD_CHANGE = Message("bad_change", 'A change needs "table" and "operation" ({operations}).')
BAD_NUMBER = Message("bad_id", '"record_id" must be the whole number that the device calls the record by.')
BAD_TUTORIAL_TIME = Message("bad_time", '"timestamp" must be an ISO 8601 time, like 2026-11-20T17:00:00+00:00.')
BAD_ROW = Message("bad_data", '"data" must be the row: an object of columns and their values, or null.')
UNKNOWN_NUMBER = Message("unknown_record", "This server gave this device no record of this number.")

# --- users, and what is forgotten ------------------------------------------------------------------------------------

IN_TRASH = Message("in_trash", "{name} is in the trash: restore this user first.")
PURGED = Message("purged", "{name} is being purged, and part of the book is gone already: this user can't be restored.")
LAST_ADMIN = Message("last_admin", "{name} is the last admin who can sign in: make somebody else an admin first.")
USER_DISABLED = Message(
    "user_disabled",
    "This user is disabled. Devices keep what they have and what is typed on them, and sync again when an admin "
    "enables the user.",
)
USER_REMOVED = Message(
    "user_removed",
    "This user was removed from the server, and an admin can still restore the user with the book. Devices keep what "
    "they have and what is typed on them, and sync again then.",
)
USER_PURGED = Message(
    "user_removed",
    "This user was removed from the server for good. Devices keep what they have and what is typed on them.",
)
NEGATIVE_USER_DAYS = Message("bad_days", "Days are counted back from now: 0 deletes all who are in the trash.")
NEGATIVE_DAYS = Message("bad_days", "Days are counted back from now: 0 forgets all there is, and less can't be.")
TRASH_OVER_HISTORY = Message(
    "bad_days",
    "The trash can't be kept longer ({trash} days) than the history ({history} days): with the history goes what was "
    "deleted. Ask for fewer days of trash, or for more of history.",
)

# --- photos ----------------------------------------------------------------------------------------------------------

PICTURE_TOO_LARGE = Message("picture_too_large", "A photo may have at most {most} MB.")
WRONG_HASH = Message("wrong_hash", "These bytes have another SHA-256 than the address says: send them once more.")
BAD_PICTURE = Message("bad_picture", "A photo must be a JPEG, PNG, WebP or GIF.")
HEIC_PICTURE = Message("bad_picture", "HEIC can't be read here: save the photo as JPEG, and send that.")
BROKEN_PICTURE = Message("bad_picture", "This picture is broken, or takes too much to be shown.")
TOO_MANY_PIXELS = Message("too_many_pixels", "A photo may have at most {most} million pixels.")
BOOK_FULL = Message(
    "book_full", "The photos of this book take all the room that they may: {most} MB. Remove some first."
)

# --- a server's answer, as a device reads it -------------------------------------------------------------------------

ANSWER_TOO_LARGE = Message("server_fault", "The server's answer holds more than {most:,} values, which no page does.")
ANSWER_NOT_JSON = Message("server_fault", "The server's answer is not JSON. Is this the address of an offbook server?")
ANSWER_NOT_AN_OBJECT = Message("server_fault", "The server's answer is not an object.")
ANSWER_LACKS = Message("server_fault", "The server's answer has no {name} that can be understood.")
BAD_SERVER_TABLE = Message("server_fault", "The server declares a table that can't be read: {reason}")
NO_TABLE = Message("not_found", "There is no table {name!a} on this server: GET /tables lists those that there are.")
