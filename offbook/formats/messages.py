"""What is said of a file that can't be imported, or not all of it: sentences as those of offbook.core.messages."""

from __future__ import annotations

from offbook.core.messages import Message

CUT_IN_CHARACTER = Message(
    "cut_off",
    "This file ends in the middle of a character: it was cut off, or is not UTF-8 text. Nothing of it was taken: "
    "export or copy it again.",
)
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
OFFICE_DOCUMENT = Message(
    "not_importable", "This is a document of Excel or another office program: open it there, and save it as CSV."
)
UNKNOWN_FORMAT = Message(
    "not_importable",
    "This is no file of contacts that offbook knows: choose a vCard (.vcf), or a CSV as Google Contacts, Outlook or "
    "Thunderbird exports it.",
)
NOT_VCARD = Message("not_importable", "This is not a file of contacts: no line of it is BEGIN:VCARD.")
CUT_IN_CARD = Message(
    "cut_off",
    "This file was cut off in its last card: no END:VCARD follows. Nothing of it was taken: export or copy it again.",
)

# --- a zip -----------------------------------------------------------------------------------------------------------

CONTACTS_IN_ZIP = Message("not_importable", "This is a zip that holds {name!a}: unpack it, and import that file.")
ZIP_IN_ZIP = Message("not_importable", "This is a zip that holds another one, {name!a}: unpack it, and look inside.")
OTHER_ZIP = Message(
    "not_importable",
    "This is no export of a book, but a zip of other files, like {name!a}: unpack it, and import the file of contacts.",
)
NO_MANIFEST = Message(
    "not_importable",
    "This zip holds {name!a} and no manifest.json, so it is no whole export: unpack it, and import its cards or CSV.",
)
BAD_MANIFEST = Message("not_importable", "The manifest.json of this zip is none of an export: download the zip again.")
NEWER_ARCHIVE = Message(
    "not_importable",
    "This zip was written by a newer version (form {version}, and {known} is known here): update, or import the "
    "contacts.vcf in it.",
)
CUT_IN_ZIP = Message(
    "cut_off",
    "This zip was cut off: the list of its files is not at its end. Nothing of it was taken: export or copy it again.",
)
DAMAGED_ZIP = Message(
    "not_importable",
    "This zip is damaged: the list of its files does not fit to it. Nothing of it was taken: export or copy it again.",
)
DAMAGED_FILE = Message(
    "not_importable",
    "This zip is damaged: {name!a} is not what the list of its files says. Export or copy it again.",
)
FILE_TWICE = Message("not_importable", "This zip has two files that are called {name!a}, so that neither was taken.")
FILES_OVERLAP = Message("not_importable", "In this zip, {name!a} lies where another file does: no export is made so.")
ENCRYPTED_FILE = Message(
    "not_importable", "In this zip, {name!a} is encrypted: unpack it with its password, and import the cards in it."
)
LINK_IN_ZIP = Message("not_importable", "In this zip, {name!a} is a link and no file: no export is made so.")
PACKED_OTHERWISE = Message(
    "not_importable", "In this zip, {name!a} is packed in a way that is not read here: pack it again by deflate."
)
UNPACKS_TOO_FAR = Message(
    "not_importable", "This zip unpacks to more than {times} times its size, or to more than 1 GB: nothing was taken."
)
TOO_MANY_FILES_IN_ZIP = Message("not_importable", "This zip has more than {most} files: nothing was taken.")
LARGE_FILE_IN_ZIP = Message(
    "not_importable", "In this zip, {name!a} unpacks to more than {most} bytes, which is the most: nothing was taken."
)
TOO_MANY_RECORDS = Message("not_importable", "This zip has more than {most} {noun}: nothing was taken.")
TOO_LARGE_FOR_ZIP = Message(
    "too_large_for_zip", "This book is larger than the 4 GB of a zip: export cards (vCard) in its place."
)
NO_RECORD = Message("bad_row", "This line is no record: an object with an id. It was left out.")
RECORD_TWICE = Message("bad_row", "A line above has the same id ({id}). This one was left out.")
NO_NAME_IN_RECORD = Message("bad_row", "{field} is missing in this record. It was left out.")

# --- a place of a file -----------------------------------------------------------------------------------------------

TOO_DEMANDING = Message(
    "not_importable",
    "Reading this file takes more memory or time than a file may take: it may be damaged, or made to do harm. Nothing "
    "more was taken from it.",
)
TOO_MANY_CONTACTS = Message(
    "too_many_records",
    "This file has more than {limit:,} contacts. Cut it into smaller ones, and import one after the other.",
)
UNREADABLE_LINE = Message("unreadable_line", "This line is no property of a card. It was kept as “unreadable”.")
LINE_TOO_LONG = Message("too_long", "This line is longer than {limit} MB, and was left out.")
TOO_MANY_LINES = Message(
    "too_many_entries", "This card has more than {limit:,} lines, and what follows them was left out."
)
NO_END = Message("no_end", "This card has no END:VCARD. What it says was taken.")
OUTSIDE = Message("outside", "From this line on, something stands outside of any card. It was left out.")
VALUE_TOO_LONG = Message("too_long", "{name} has {length} characters, and {limit} is the most: it was left out.")
TOO_MANY_DETAILS = Message(
    "too_many_entries", "The card has {count} details, and {limit} is the most: the rest was left out."
)
DETAIL_LEFT_OUT = Message(
    "record_too_large", "This contact holds more than {limit} kB, which is the most: this, of {size} kB, was left out."
)
SAME_UID = Message(
    "same_uid", "A card above has the same UID and says something else. This one was taken as a contact of its own."
)
UNKNOWN_MEMBERS = Message("unknown_members", "The group {name!a} has members that are not in this file: {count}.")

# --- a table of any program ------------------------------------------------------------------------------------------

NOT_TEXT_FILE = Message(
    "not_text", "This file is not text, so that it can't be a CSV: choose another, or save it as one."
)
CSV_LINE_TOO_LONG = Message("broken_csv", "This file has a line of more than {limit} MB, as no CSV of contacts has.")
TOO_MANY_COLUMNS = Message("broken_csv", "This file has {count} columns, and {limit} is the most.")
NOT_A_TABLE = Message("not_importable", "This is no table of contacts: no row of it names columns.")
NO_NAMES_IN_TABLE = Message(
    "not_importable",
    "No column of this file is known to hold names, e-mail addresses or phone numbers. Say what its columns are by a "
    "mapping, like --map FILE. Its first row is: {columns}.",
)
NO_HEADER = Message(
    "not_importable", "The first row of this file is a contact: put a row in front that names the columns."
)
NO_CONTACTS_IN_TABLE = Message("not_importable", "There is no contact in this file: no row follows its first one.")
NOT_A_MAPPING = Message(
    "bad_mapping", 'A mapping must be an object of columns and cells, like {"Office": "details.phone:Work"}.'
)
NO_SUCH_COLUMN = Message("bad_mapping", "The file has no column {name!a}: it has {columns}.")
NO_SUCH_CELL = Message(
    "bad_mapping",
    "{name!a} can't be {cell!a}: a cell is one of {fields}; or details.KIND:LABEL, like details.phone:Work, where KIND "
    'is one of {kinds}; or a part of an address, like details.address.city:Home; or "" to leave the column out.',
)

MAPPING_OF_NOBODY = Message(
    "bad_mapping",
    "By this mapping nobody has a name: say which column is one, a company, an e-mail address or a phone.",
)
MAPPING_OF_NO_TABLE = Message("bad_mapping", "This file is no table: only a CSV is read by a mapping.")
MAPPING_NOT_JSON = Message("bad_mapping", "The mapping is no JSON: {flaw}.")
MAPPING_TOO_LONG = Message("bad_mapping", "The mapping has {length} characters, and {limit} is the most.")

ONLY_CSV_FOR_SPREADSHEETS = Message(
    "bad_choice", "A spreadsheet reads no cards: ask for Google's CSV, or leave the format out."
)
SPREADSHEET_NUMBER = Message(
    "damaged_cell", "A spreadsheet has shortened this number to {text!a}: its last digits are lost. It was kept so."
)
SPREADSHEET_ERROR = Message("damaged_cell", "A spreadsheet left its error {text!a} here. It was kept so.")
NUL_IN_CELL = Message("bad_text", "This cell has a NUL character. A mark stands in its place.")
UNREADABLE_DATE = Message("bad_date", "{text!a} is no date that can be read for sure. It was kept as a custom field.")
SECOND_VALUE = Message("second_value", "Another column says this of the contact too. It was kept as a custom field.")
KEPT_TOO_LONG = Message(
    "too_long", "This cell has {length} characters, and {limit} is the most there. It was kept as a custom field."
)
CELL_BEYOND_HEADER = Message(
    "no_heading", "This cell stands beyond the last heading. It was kept as a custom field: look for a comma too many."
)
TOO_MANY_CELLS = Message(
    "too_many_entries", "The row has {count} details, and {limit} is the most: the rest was left out."
)

ROW_TOO_WIDE = Message(
    "bad_row",
    "The row has more cells than the first row has names: look for a comma without quotes around its text.",
)
ID_OF_ANOTHER_ROW = Message(
    "bad_row", "The row has the id of a row above but says something else: delete one of them, or its {column}."
)
TOO_MANY_DETAILS_IN_ROW = Message(
    "bad_row", "The contact has {count} details, and {limit} is the most: spread them over two."
)
BAD_VALUE_IN_ROW = Message("bad_row", "{reason} Change it in the file and import the file again.")

# --- a card that a phone or a mail program sends ---------------------------------------------------------------------

NO_CARD = Message("not_importable", "This is no card: no line of it is BEGIN:VCARD.")
HALF_A_CARD = Message("cut_off", "This card was cut off: no END:VCARD follows. Nothing of it was taken: send it again.")
SEVERAL_CARDS = Message(
    "not_importable", "This address holds one contact, and {count} cards were sent: send each alone."
)
GROUP_CARD = Message(
    "group_card",
    "This is the card of a group, and a group is no contact here: give each of its members a label, as CATEGORIES.",
)
UID_CHANGED = Message(
    "uid_changed",
    "This card has the UID {sent!a}, and the contact at this address has {stored!a}: it is another person's, and was "
    "not written here. Send it to an address of its own.",
)
