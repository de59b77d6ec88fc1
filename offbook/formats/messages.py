"""What is said of a file that can't be imported: sentences as those of offbook.core.messages."""

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
