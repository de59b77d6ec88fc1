"""What a command of the server's admin says where something is wrong, and what the doctor finds beside the database.

Sentences as those of ops.messages.
"""

from __future__ import annotations

from offbook.core.messages import Message

# --- what ends a command ---------------------------------------------------------------------------------------------

COMMAND_FAILED = Message("busy", "The database could not do that ({reason}): try again later.")
SCHEMA_FAILED = Message("unwritable", "The schema could not be read or moved ({reason}).")
NO_ROOM = Message("disk_full", "This needs {needed} free in {folder}: make room there first.")
TO_OR_BACK = Message("usage", "Say either --to URL (or set MOVE_TO), or --back.")

# --- what the doctor finds beside the database -----------------------------------------------------------------------

VERSIONS = Message("healthy", "This is offbook {offbook} on Python {python}.")
PHOTOS_MISSING = Message(
    "unhealthy",
    "{lack} neither in the database nor in {where}: put back the folder that they are in, or set BLOB_URL to it.",
)
PHOTOS_READ_ONLY = Message("unhealthy", "Photos can't be written to {folder}: let this user write there.")
PHOTOS_ELSEWHERE = Message("healthy", "Photos are in {folder}: backups and moves leave them out, copy it with them.")
SIZE = Message("healthy", "The database takes {takes}.")
DISK_SMALL = Message("unhealthy", "The database takes {takes}, and its disk has {free} free: make room for {needed}.")
SIZE_ON_DISK = Message("healthy", "The database takes {takes}, and its disk has {free} free.")
LOG_CANT_BE_READ = Message("unhealthy", "The log of the database (WAL) can't be looked at. {reason}")
LOG_HELD = Message(
    "unhealthy",
    "The log of the database (WAL) has {length}, since some program reads the database and does not end: find and end "
    "it.",
)
LOG_LONG = Message(
    "unhealthy", "The log of the database (WAL) has {length}, which is far too much: run `flask vacuum`."
)
LOG_LENGTH = Message("healthy", "The log of the database (WAL) has {length}.")
CLOCK_AGREES = Message("healthy", "This machine's clock agrees with what was stored last.")
CLOCK_DIFFERS = Message(
    "unhealthy",
    "What was stored last is {duration} in the future: this machine's clock is or was wrong. Set it by NTP. If it is "
    "right now, only the times of changes are wrong until then, and nothing is lost.",
)
USERS = Message(
    "healthy",
    "{users} can sign in, {admins:,} of them as admin; {disabled:,} disabled, {removed:,} in the trash.",
)
USERS_WITHOUT_ADMIN = Message(
    "healthy",
    "{users} can sign in, {admins:,} of them as admin; {disabled:,} disabled, {removed:,} in the trash. `flask user "
    "admin NAME` makes somebody one.",
)
TRASH_FULL = Message(
    "unhealthy", "Somebody is in the trash since {since}, for too long: run `flask book prune` once a day."
)
ONLY_LOCAL = Message("healthy", "Only this machine reaches the server ({host}).")
BEHIND_PROXIES = Message("healthy", "{count} proxies in front are trusted to speak HTTPS.")
WITHOUT_HTTPS = Message(
    "unhealthy", "Anyone who reaches {host} does so without HTTPS: put a proxy in front, and set TRUSTED_PROXIES."
)
SHORT_SECRET_KEY = Message("unhealthy", "SECRET_KEY is shorter than {least} characters: choose a longer one.")
SHORT_METRICS_TOKEN = Message(
    "unhealthy", "METRICS_TOKEN is shorter than {least} characters, so that anyone may guess it: choose a longer one."
)
FOLDER_OPEN = Message("unhealthy", "Others on this machine can look into {folder}: run `chmod 700` on it.")
SECRETS_KEPT = Message("healthy", "The secrets are kept from others.")
LIMITS_AT_ZERO = Message("unhealthy", "Nothing gets through with {names} at 0: choose more.")
LIMITS_OPEN = Message("healthy", "Every limit lets something through.")
NOT_UTF8 = Message("bad_text", "{text!a} is not UTF-8: set the terminal to it, and type it again.")
PASSWORD_NOT_UTF8 = Message("bad_text", "The password is not UTF-8, so that no page could take it. Choose another one.")
DATABASE_FAILED = Message(
    "unmovable", "A database did not do what it should ({reason}). See to that, and run the same command again."
)
ROWS_DIFFER = Message(
    "unmovable",
    "The databases differ, so the target stays closed. Drop and make it anew, then run `flask move --back` and the "
    "move once more.",
)
SUMS_DIFFER = Message(
    "unmovable", "Devices would find other sums than before, so the target stays closed. Keep both, and ask."
)

# --- a file of tables ------------------------------------------------------------------------------------------------

NO_FILE = Message("bad_declaration", "There is no file {path}.")
FILE_NOT_READ = Message("bad_declaration", "{path} can't be read: {reason}.")
FILE_NOT_UTF8 = Message("bad_declaration", "{path} is not UTF-8.")
FILE_NOT_JSON = Message("bad_declaration", "{file} is no JSON ({reason}).")
NO_LIST_OF_TABLES = Message("bad_declaration", "{file} holds no list of tables: `flask tables json` prints one.")
NO_MODULE = Message("bad_declaration", "There is no file {path}, and no module of this name.")
FILE_FAILS = Message("bad_declaration", "{file} fails{place}: {kind}: {reason}")
NO_TABLES_IN_FILE = Message(
    "bad_declaration", "{file} has no {name}: put all tables into it, as in {name} = (notebooks, notes)."
)
NOT_A_TABLE = Message("bad_declaration", "{name} of {file} holds what is no table ({text!a}).")
