"""What pages say of a form that is refused, and of an act that was done."""

from __future__ import annotations

from offbook.core.messages import Message

# --- who signs in, and with what -------------------------------------------------------------------------------------

SIGNED_OUT_NOW = Message("done", "You are signed out.")
SIGNED_OUT_HERE = Message(
    "done",
    "You are signed out. The server can store nothing at the moment: it keeps in mind that the session has ended, and "
    "stores that when it can.",
)
LINK_OVER = Message(
    "not_found", "This link was opened already, or is older than ten minutes. Add the phone again on the Devices page."
)
# --- an input of a contact's form ------------------------------------------------------------------------------------

INPUT_TOO_LONG = Message("too_long", "{label} is too long: {length:,} characters, at most {limit:,}.")
INPUT_NO_DAY = Message("bad_date", "{label} must be a date like {day}, or {yearless} without the year.")
NOTHING_TYPED = Message("missing", "Type a name, or anything else that you know of this contact.")

# --- a form that comes too late --------------------------------------------------------------------------------------

SIGNED_OUT = Message(
    "not_authorized", "You are signed out. Sign in again in another tab, and repeat: what you typed is still here."
)
STALE_FORM = Message(
    "stale_form", "This form does not belong to your session any more. Go back, load the page again and repeat."
)
TYPE_AGAIN = Message(
    "stale_form",
    "This page was open for a while, and its form is an old one. Type your password once more. If that does not help, "
    "let your browser keep this server's cookies.",
)
WELCOME = Message("done", "Welcome, {name}. Add your first device on the Devices page, or a contact here.")

# --- settings, devices and people ------------------------------------------------------------------------------------

PASSWORDS_DIFFER = Message("wrong_password", "The two new passwords differ. Type the same one twice.")
WRONG_CURRENT_PASSWORD = Message("wrong_password", "The current password is not right. Nothing was changed.")
PASSWORD_CHANGED = Message("done", "The password is changed. All other sessions are signed out.")
SESSION_ENDED = Message("done", "The session is ended. That browser is signed out.")
OTHER_SESSIONS_ENDED = Message("done", "All other browsers are signed out.")
POLICY_SAVED = Message("done", "Saved. It counts for edits that arrive from now on.")
REGION_SAVED = Message("done", "Saved. Numbers are found by it from now on.")
RENAMED = Message("done", "Renamed.")
ALL_DEVICES_REVOKED = Message("done", "All devices are revoked. They keep what they have, and sync no more.")
REVOKED = Message("done", "Revoked. The device keeps what it has, and syncs no more.")
USER_ADDED = Message("done", "{name} can sign in now, with a book of their own.")

# --- conflicts -------------------------------------------------------------------------------------------------------

CHOICE_UNDONE = Message("done", "Undone. {record} is as before; what was chosen is in the history.")
NO_RULE = Message("bad_choice", "Choose how all conflicts are to be settled.")
CHOSEN_BOTH = Message("done", "{current} Both are there.")
CHOSEN = Message("done", "{current} What was not chosen is in the {noun}’s history.")
SETTLED_OURS = Message("done", "Settled {conflicts}. What stands was kept; what was not is in the history.")
SETTLED_THEIRS = Message("done", "Settled {conflicts}. What came was taken; what was not is in the history.")
SETTLED_LATER = Message("done", "Settled {conflicts}. The later version was taken; what was not is in the history.")
CONFLICT_AGAIN = Message(
    "changed_since", "{name} was changed again meanwhile, so it waits once more: look at what came."
)

# --- contacts, their history and labels ------------------------------------------------------------------------------

CONTACT_DELETED = Message("done", "Deleted {contact}.")
CONTACT_PURGED = Message("purged", "This contact was deleted long ago, and its values are gone: add it again.")
CONTACT_RESTORED = Message("done", "Restored {contact}.")
VALUE_RESTORED = Message("done", "Restored a value of {contact}.")
UNDONE = Message("done", "Undone.")
VERSION_RESTORED = Message("done", "Restored {contact} as it was.")
NOTHING_TO_RESTORE = Message("done", "It is so already: nothing had to be changed.")
LABEL_ADDED = Message("done", "Added “{name}”.")
LABEL_EXISTS = Message("done", "There is a label “{name}” already.")
LABEL_RENAMED = Message("done", "“{before}” is “{name}” now, in all contacts that have it.")
UNDO_WAITS = Message("done", "An import or an undo goes on. Undo this once that is done.")
LABEL_REMOVED = Message("done", "Removed “{name}” from all contacts. The contacts are still there.")
UNDONE_IN_PART = Message("done", "Undone, but for what was changed since.")
NO_FILE = Message("empty", "Choose a file first.")

# --- the book as it was ----------------------------------------------------------------------------------------------

BOOK_RESTORED = Message("done", "The book is as it was on {moment}.")
BOOK_RESTORE_WAITS = Message("done", "An import or an undo goes on. Take the book back once that is done.")
BOOK_RESTORE_UNDONE = Message("done", "Undone: the book is as it was before.")

# --- what is not there, and what can't be taken from a form ----------------------------------------------------------

NO_CHOICE = Message("bad_choice", "Choose one of the two, or type another value.")
NO_VALUE = Message("empty", "Type a value first, or keep one of the two.")
SETUP_OVER = Message(
    "not_found", "This set-up link is not valid any more. Sign in, or restart the server to see a new link."
)
NO_PROFILE = Message("not_found", "There is no such profile. Add the phone again on the Devices page.")
NO_MOMENT = Message("bad_moment", "Choose a day and a time first.")
MOMENT_TO_COME = Message("future", "This moment is still to come: choose one that has passed.")
BROKEN_FORM = Message("broken_form", "This form is broken: load the page again. Nothing was saved.")
NO_VERSION = Message("bad_base", "There is no such version of this contact.")
NO_IMPORT = Message("not_found", "There is no such import.")
NO_LABEL = Message("not_found", "There is no such label in your book any more.")
CONTACT_IN_TRASH = Message("not_found", "This contact is in the trash: restore it to share it.")
NO_CONTACT = Message("not_found", "There is no such contact in your book. It may have been deleted long ago.")

# --- an act that was done --------------------------------------------------------------------------------------------

TRASH_EMPTIED = Message("done", "The trash is empty: {contacts} can’t be brought back any more.")
DEVICE_ADDED_BEFORE = Message(
    "exists",
    "This device is added already, and its token was shown once. If that is lost, revoke it and add another.",
)
