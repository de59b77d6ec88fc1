"""What is said of a file that can't be imported, or not all of it: sentences as those of offbook.core.messages."""

from __future__ import annotations

from offbook.core.messages import Message

CUT_IN_CHARACTER = Message(
    "cut_off",
    "This file ends in the middle of a character: it was cut off, or is not UTF-8 text. Nothing of it was taken: "
    "export or copy it again.",
)
NOT_UTF8_FILE = Message("not_text", "This file is not UTF-8 text: save it as “CSV UTF-8” and try again.")
NOT_GOOGLE_CSV = Message(
    "not_google_csv",
    "This is not a file of Google Contacts: its first row should name columns like First Name and Phone 1 - Value. "
    "In Google Contacts, choose Export and then Google CSV.",
)
BROKEN_CSV = Message(
    "broken_csv", "This file can't be read near line {line} ({flaw}): look for a quote too many there."
)
CUT_IN_ROW = "This file was cut off in row {row}: "
CUT_ADVICE = " Nothing of it was taken: export or copy it again; or, if it is whole, mend that row."
CUT_IN_QUOTE = Message("cut_off", f"{CUT_IN_ROW}a quote that opens there is never closed.{CUT_ADVICE}")
CUT_AFTER_HEADER = Message("cut_off", f"{CUT_IN_ROW}no line break follows the names of the columns.{CUT_ADVICE}")
CUT_IN_CELLS = Message(
    "cut_off", f"{CUT_IN_ROW}it has {{cells}} of {{width}} cells, and no line break follows it.{CUT_ADVICE}"
)

# --- what is no file of contacts -------------------------------------------------------------------------------------

NOTHING = Message("not_importable", "There is nothing in this file.")
NO_CONTACTS = Message("not_importable", "There is no contact in this file.")
WEB_PAGE = Message(
    "not_importable",
    "This is a web page and no file of contacts, maybe that of a sign-in: sign in there, and download the file again.",
)
ARCHIVE = Message(
    "not_importable", "This is a zip or a document of Excel, and no file of contacts: unpack it, or save it as CSV."
)
UNKNOWN_FORMAT = Message(
    "not_importable",
    "This is no file of contacts that offbook knows: choose a vCard (.vcf), or the CSV that Google Contacts exports.",
)
NOT_VCARD = Message("not_importable", "This is not a file of contacts: no line of it is BEGIN:VCARD.")
CUT_IN_CARD = Message(
    "cut_off",
    "This file was cut off in its last card: no END:VCARD follows. Nothing of it was taken: export or copy it again.",
)

# --- a place of a file -----------------------------------------------------------------------------------------------

UNREADABLE_LINE = Message("unreadable_line", "This line is no property of a card. It was kept as “unreadable”.")
LINE_TOO_LONG = Message("too_long", "This line is longer than {limit} MB, and was left out.")
NO_END = Message("no_end", "This card has no END:VCARD. What it says was taken.")
OUTSIDE = Message("outside", "From this line on, something stands outside of any card. It was left out.")
VALUE_TOO_LONG = Message("too_long", "{name} has {length} characters, and {limit} is the most: it was left out.")
TOO_MANY_DETAILS = Message(
    "too_many_entries", "The card has {count} details, and {limit} is the most: the rest was left out."
)
SAME_UID = Message(
    "same_uid", "A card above has the same UID and says something else. This one was taken as a contact of its own."
)
UNKNOWN_MEMBERS = Message("unknown_members", "The group {name!a} has members that are not in this file: {count}.")
