"""What the use cases say where they refuse something: sentences as those of offbook.core.messages."""

from __future__ import annotations

from offbook.core.messages import Message

# --- records, and their history --------------------------------------------------------------------------------------

NO_RECORD = Message("not_found", "There is no record with this id.")
NO_RECORD_IN_TABLE = Message("not_found", "There is no {noun} with this id.")
RECORD_CHANGED = Message("precondition_failed", "The {noun} has changed since. Get it again, and repeat the change.")
RECORD_EXISTS = Message("exists", "There is, or was, another {noun} with this id. PATCH it, or {instead}.")
KEY_TAKEN = Message("exists", "There is another {noun} with this {key}: choose another one.")
NO_CHANGE = Message(
    "not_found", "There is no such change in the history. It may be too old: the history is kept for a time."
)
NO_CHANGE_IN_RECORD = Message(
    "not_found", "There is no such change in this {noun}'s history. It may be too old to be kept."
)
LONG_DELETED = Message("not_found", "This record was deleted long ago, and has left the trash: what it held is gone.")
DONE_ALREADY = Message("used_id", "This was done already, and more happened since: load the page again and look.")
BOOK_CHANGED = Message("changed_since", "Something changed in the book meanwhile: look again at what going back does.")
TOO_OLD = Message("too_old", "The history does not reach back so far any more: choose a later moment.")
NO_BATCH = Message("not_found", "There is no batch with this id in your book, or nothing of it took effect.")
BATCH_TOO_OLD = Message("pruned", "The history does not reach back to this batch any more: it can't be undone.")

CANT_GO_BACK = Message("changed_since", "The book can't go back there: {reason}")

# --- conflicts -------------------------------------------------------------------------------------------------------

NO_CONFLICT = Message("not_found", "There is no such conflict in your book. It was settled long ago.")
CHANGED_AGAIN = Message("changed_since", "This was changed again meanwhile. Its history has every version.")
RECORD_GONE = Message("not_found", "This {noun} is not there any more: it was deleted long ago.")

# --- photos ----------------------------------------------------------------------------------------------------------

NO_PHOTO = Message("not_found", "There is no such photo in your book.")

# --- users and their passwords ---------------------------------------------------------------------------------------

PASSWORD_LENGTH = Message("password_length", "A password has {least} to {most:,} characters. Choose another one.")
PASSWORD_COMMON = Message(
    "password_common",
    "This password is known from others, and among the first that anybody would try. Choose another one.",
)
PASSWORD_GUESSABLE = Message(
    "password_guessable",
    "This password is easy to guess: {why}. Choose another one: some words that don't belong together, say.",
)

# --- cards that a phone or a mail program sends ----------------------------------------------------------------------

NO_CARD = Message("not_found", "There is no card of this name.")
BAD_CARD_NAME = Message("bad_address", "A card's name has at most 255 characters, and no slash among them.")
CARD_TOO_LARGE = Message("body_too_large", "A card may have at most {most} MB. Send a smaller photo.")
CARD_EXISTS = Message("precondition_failed", "There is a card of this name already: get it, and send it with its ETag.")
CARD_CHANGED = Message("precondition_failed", "The card has changed since. Get it again, and repeat the change.")
CARD_NEVER_WAS = Message("precondition_failed", "There is no such card, and there never was: send it without If-Match.")
UID_TAKEN = Message("uid_taken", "Another card has this UID: change that one, {segment!a}.")
