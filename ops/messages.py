"""What a command of the server's admin refuses, and what the doctor finds: sentences as those of offbook.core.messages.

A finding whose code is "healthy" is good; with any other, something should be done.
"""

from __future__ import annotations

from offbook.core.messages import Message

# --- a backup --------------------------------------------------------------------------------------------------------

UNRESTORABLE = Message(
    "backup", "A backup of this database could not be restored: {reason}. Put that right first; nothing was written."
)
UNREADABLE_BACKUP = Message("backup", "{path} can't be read as a whole ({reason}): nothing was done.")
NO_BACKUP = Message("backup", "There is no file {path}.")
IS_THE_DATABASE = Message("backup", "{path} is the database itself: name a backup of it.")
OTHER_ENGINE = Message("backup", "{path} is a backup of {engine}, and this database is {this}.")
NOT_A_BACKUP = Message("backup", "{path} is no backup of offbook: nothing was done.")
SEAL_LOST = Message("backup", "{path} lost its end, where its checksum was: nothing was done. Take another backup.")
NEWER_BACKUP = Message("backup", "{path} is from a newer offbook (schema {revision}): update offbook, then restore it.")
PARTIAL_BACKUP = Message("backup", "{path} is no whole backup ({reason}): nothing was done. Take another backup.")
BACKUP_CHANGED = Message("backup", "{path} is not what it was a moment ago: nothing was done.")
BACKUP_NOT_READ = Message("backup", "{path} can't be read: {reason}. Nothing was done.")
READ_BACK_OTHERWISE = Message(
    "backup", "What was written reads back otherwise: look at the disk, and write to another one."
)
BACKUP_ALTERED = Message(
    "backup",
    "{path} was altered or damaged since it was made (it has another checksum than it should have): nothing was done. "
    "Take another backup.",
)
BAD_SEAL = Message("backup", "{path} doesn't say what it holds: nothing was done. Take another backup.")
FILE_NOT_MADE = Message("backup", "{path} can't be written: {reason}. Name a file in another folder.")
FILE_NOT_WRITTEN = Message("backup", "{path} can't be written: {reason}. Nothing was left of it.")
FILE_EXISTS = Message("backup", "{path} is there already, and stays as it is: name a file that is not there yet.")
FOLDER_NOT_MADE = Message("backup", "The folder {folder} can't be made: {reason}.")
NO_PROGRAM = Message("backup", "The program {program} is not installed: install the package {package}.")
PARTIAL_DUMP = Message("backup", "mariadb-dump wrote no whole dump: look at the log of the database server.")
DUMP_CUT_OFF = Message("backup", "{path} is cut off: nothing was done. Take another backup.")
UNREADABLE_DUMP = Message("backup", "{path} is no backup that can be read to its end. {reason}")
COPY_DAMAGED = Message("backup", "The copy is damaged, as the database is ({flaw}): run `flask doctor`.")
NOT_COPIED = Message("backup", "The database can't be copied: {reason}. Run `flask doctor`.")
BACKUP_DAMAGED = Message("backup", "{path} is damaged ({flaw}): nothing was done. Take another backup.")
NOT_SQLITE = Message("backup", "{path} is no backup that SQLite can read ({reason}): nothing was done.")
NOT_REPLACED = Message(
    "backup",
    "What is there can't be kept and replaced ({reason}), so nothing was done. Stop the server, and try again. If "
    "{database} is damaged, move it away first, with the -wal and -shm beside it.",
)

PROGRAM_FAILED = Message("backup", "{program} failed ({reason}).")
ONE_CONNECTION = Message("backup", "1 other connection has the database open: stop the server, then restore again.")
OTHER_CONNECTIONS = Message(
    "backup", "{count} other connections have the database open: stop the server, then restore again."
)
OPTION_REFUSED = Message(
    "backup",
    "The option {name} of DATABASE_URL can't be given to {programs}: leave it out, for this command at least.",
)
RESTORE_FAILED = Message("backup", "{reason} {outcome}")

# --- a move ----------------------------------------------------------------------------------------------------------

UNFINISHED = "run `flask restore` again, with the same file or with the one that it kept of what was there before."
DROP = "Give one that is empty, or drop and make it anew."
REOPEN = "`flask move --back` lets this one take changes again."
RESTORE_UNFINISHED_THERE = Message(
    "unmovable", f"A restore of one of the two databases is not finished: there, {UNFINISHED}"
)
MOVE_UNFINISHED_HERE = Message(
    "unmovable", "This database holds an unfinished move itself: finish that first, from where it began."
)
MOVED_ELSEWHERE = Message("unmovable", f"This database moved to {{place}}, or is about to. {REOPEN}")
FOREIGN_TABLES = Message("unmovable", f"The target holds tables that are not offbook's ({{names}}). {DROP}")
TARGET_MOVED = Message("unmovable", "The target is moved elsewhere itself, or is this very database. Give another one.")
OTHER_MOVE = Message("unmovable", f"The target holds an unfinished move of another time or database. {DROP}")
MOVE_FINISHED = Message("unmovable", "The move there is finished: set DATABASE_URL to that URL, and start the server.")
TARGET_IN_USE = Message("unmovable", f"The target holds a server already. {DROP}")
SAME_DATABASE = Message("unmovable", "The target is this very database. Give another one.")
TARGET_NOT_READY = Message("unmovable", f"The target can't be made ready. {{reason}} {DROP}")
TARGET_IN_MOVE = Message("unmovable", f"The target is in another move by now, or is this very database. {REOPEN}")
OPENED_AGAIN = Message("unmovable", f"This database was opened again meanwhile: the target is not finished. {DROP}")
NOT_MOVED = Message("unmovable", "This database takes changes: nothing is to be done.")
RESTORE_UNFINISHED = Message("unmovable", f"A restore of this database is not finished: {UNFINISHED}")
MOVE_INTO_UNFINISHED = Message(
    "unmovable", "This database holds an unfinished move: it is not whole. Finish that from where it began."
)
CLOSED_BY_RESTORE = Message(
    "moving", f"A restore of this database is not finished, and it takes no changes: {UNFINISHED}"
)
CLOSED_BY_MOVE = Message(
    "moving",
    "This database moved to {place}, or is about to: set DATABASE_URL to that one when `flask move` has finished. "
    f"{REOPEN}",
)
CLOSED_TARGET = Message("moving", "A move into this database is not finished: run `flask move` again where it began.")
NOT_A_URL = Message(
    "unmovable",
    "This is no database's URL. Write it like sqlite:////folder/file.db, postgresql://user:password@host/database or "
    "mysql://user:password@host/database.",
)

# --- what the doctor finds in the database ---------------------------------------------------------------------------

CANT_BE_READ = Message("unhealthy", "The database can't be read. {reason}")
DATABASE_FAILS = Message("unhealthy", "The database can't be read ({reason}): check DATABASE_URL, and that it runs.")
SCHEMA_UP_TO_DATE = Message("healthy", "The schema is up to date ({current}).")
SCHEMA_OLD = Message("unhealthy", "The schema is {current} and should be {wanted}: run `flask db upgrade`.")
TAKES_WRITES = Message("healthy", "The database can be written to.")
NAMES_DIFFER = Message("healthy", "Each name is one user's, in whatever case.")
NAMES_CLASH = Message(
    "unhealthy",
    "The users {users} differ only in case or form, so that each signs in by the exact spelling: run `flask user "
    "rename OLD NEW`.",
)
DIGESTS_NEW = Message("healthy", "Each record has the digest that devices compare.")
DIGESTS_OLD = Message(
    "unhealthy", "{have} a digest of an older version, so that comparing takes longer: run `flask db upgrade`."
)
SEARCH_TEXTS_NEW = Message("healthy", "Each record has the text that searches look through.")
SEARCH_TEXTS_OLD = Message("unhealthy", "{have} found as an older version did it: run `flask db upgrade`.")
ENGINE = Message("healthy", "The database is {engine} {version} ({facts}).")
RACY_SQLITE = Message(
    "unhealthy", "This SQLite has a race that can corrupt the database: install the pysqlite3 package, or 3.51.3."
)
COMMITS_EARLY = Message("unhealthy", "A power cut can undo what was acknowledged: a commit must wait for the disk.")
SORTED_OTHERWISE = Message("unhealthy", "Names are sorted otherwise than on devices: run `flask db upgrade`.")
CANT_BE_READ_WHOLE = Message("unhealthy", "The database can't be read whole. {reason}")
WHOLE = Message("healthy", "The database is whole.")
DAMAGED = Message("unhealthy", "The database is damaged ({flaw}): restore a backup.")
INDEX_MISSING = Message("unhealthy", "The index {name} is missing: run `{statement}` in the database.")
READS_TOO_MUCH = Message(
    "unhealthy", "The database reads far too much for {questions}: run `flask vacuum`, which counts anew."
)
INDEXES_USED = Message("healthy", "The important questions find their rows by their indexes.")
