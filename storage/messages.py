"""What the storage says where it refuses something: sentences as those of offbook.core.messages."""

from __future__ import annotations

from offbook.core.messages import Message

# --- users and their devices -----------------------------------------------------------------------------------------

BAD_NAME = Message("bad_name", "A name has 1 to {limit} visible characters. Choose another one.")
NAME_TAKEN = Message("name_taken", "Choose another name.")
NAME_TAKEN_BY = Message("name_taken", "There is a user named {name!r} already. Choose another name.")
NAME_IN_TRASH = Message(
    "name_taken",
    "A user named {name!r} is in the trash until {until}. Restore this user, or choose another name.",
)
NO_USER = Message("not_found", "There is no user with this id.")
USER_IN_TRASH = Message("not_found", "{name!r} is in the trash: `flask user restore` brings a user back, book and all.")
SEVERAL_USERS = Message("not_found", "There are several users with this name: say which, {spellings}.")
NO_USER_NAMED = Message("not_found", "There is no user named {name!r}. `flask user list` shows all.")
USER_GONE = Message("not_found", "This user does not exist any more.")
UNKNOWN_POLICY = Message("unknown_policy", "A book's policy is one of: {policies}.")
UNKNOWN_REGION = Message("unknown_region", "A region is a country's two letters, like DE or US; empty for none.")
BAD_SETUP_LINK = Message("not_found", "This set-up link is not valid. Restart the server to see a new one, or sign in.")
NO_SESSION = Message("not_found", "There is no such session, or it has ended already.")
NO_DEVICE = Message("not_found", "There is no such device. `flask device list` shows all, the id first.")
DEVICE_REVOKED = Message("not_found", "There is no such device, or it was revoked already.")
WRONG_PASSWORD = Message("wrong_password", "This name and password do not belong together. Check both and try again.")
TOO_MANY_ATTEMPTS = Message("too_many_attempts", "Too many passwords were tried. Wait {wait}, then try again.")

# --- a list ----------------------------------------------------------------------------------------------------------

BAD_SORT = Message("bad_sort", "Contacts are sorted by one of: {orders}.")
BAD_PLACE = Message("bad_place", "This place in the list is not one that a page gave: start from the top.")

# --- a database or a folder that takes nothing just now --------------------------------------------------------------

TOO_BUSY = Message("busy", "Others are writing to the database all the time. Try again in a moment.")
DECODERS_BUSY = Message("busy", "Other photos are being prepared. Try again in a moment.")
NEWER_DATABASE = Message(
    "too_new",
    "The database was made by a newer offbook (schema {revision}, which this version does not know): update this "
    "program, or restore a backup of this version.",
)
TABLES_GROWN = Message(
    "tables_grown", "The tables of this server have just grown, and nothing was stored. Try again in a second."
)
DISK_FULL = Message(
    "disk_full",
    "The disk of the server's database is full, so that nothing can be stored. Devices keep their edits and send them "
    "later. Whoever looks after the server must make room on that disk; `flask doctor` says where.",
)
DISK_FULL_AT = Message(
    "disk_full", "The disk of the database is full ({place}), so that nothing can be stored: make room there."
)
READ_ONLY = Message(
    "read_only",
    "The server's database may only be read, so that nothing can be stored. Devices keep their edits and send them "
    "later. Whoever looks after the server must let it write again; `flask doctor` says where.",
)
READ_ONLY_AT = Message(
    "read_only",
    "The database may only be read ({place}), so that nothing can be stored: let it be written again.",
)
FOLDER_FULL = Message(
    "disk_full",
    "The folder of the server's photos is full, so that no photo can be stored; all else can. Devices keep theirs and "
    "send them later. Whoever looks after the server must see to that; `flask doctor` says where.",
)
FOLDER_FULL_AT = Message("disk_full", "The folder of photos is full ({place}): see to that.")
FOLDER_READ_ONLY = Message(
    "read_only",
    "The folder of the server's photos can't be written to, so that no photo can be stored; all else can. Devices keep "
    "theirs and send them later. Whoever looks after the server must see to that; `flask doctor` says where.",
)
FOLDER_READ_ONLY_AT = Message("read_only", "The folder of photos can't be written to ({place}): see to that.")
NOT_WRITTEN = Message(
    "unwritable",
    "The database takes no write at the moment: it is too busy, or refuses it. Try again in a few seconds; the log of "
    "the server names the error.",
)
MOVING = Message(
    "moving",
    "The server is moving to another database, or back to a backup, and takes no changes until it is there. Nothing "
    "was stored: try again later.",
)

# --- a stream --------------------------------------------------------------------------------------------------------

NO_STREAM = Message("not_found", "There is no such stream here. `flask stream list` shows all.")
NOT_A_STREAM = Message("not_a_stream", "{path}: {reason}")
NO_STREAM_NAMED = Message("not_found", "{file!r} names no stream: see `flask stream list`.")
SEVERAL_STREAMS = Message("not_found", "{file!r} names several streams: see `flask stream list`.")
NO_FILE = Message("unreadable", "The file is gone.")
NOT_A_FILE = Message("unreadable", "It is no file.")
HOLDS_NO_STREAM = Message("unreadable", "It holds no stream of `offbook ingest`.")
STREAM_LOCKED = Message("unreadable", "Another program keeps it locked.")
STREAM_SLOW = Message("unreadable", "It takes longer than {seconds:g} seconds to read.")
NOT_A_DATABASE = Message("unreadable", "It is no SQLite database.")
STREAM_DAMAGED = Message("unreadable", "It is damaged.")
STREAM_CLOSED = Message(
    "unreadable",
    "The server may not open it. Its user must be able to read the file, and to write beside it: SQLite keeps two more "
    "files there while a stream is written.",
)
NEWER_STREAM = Message("unreadable", "It was written by a later offbook than the server's.")
UNREADABLE_STREAM = Message("unreadable", "It can't be read ({reason}).")
