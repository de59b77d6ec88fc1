"""What a phone or a mail program is told of a request of CardDAV that is refused."""

from __future__ import annotations

from offbook.core.messages import Message

# --- a request -------------------------------------------------------------------------------------------------------

HTTPS_REQUIRED = Message("https_required", "Tokens are only taken over HTTPS. Use the server's https:// address.")
WRONG_TOKEN = Message(
    "not_authorized",
    "The user name or the device's token is missing or wrong, or the token is revoked. Add the device again on the "
    "Devices page; the password of the pages is not taken here.",
)
TOO_MANY_ATTEMPTS = Message("too_many_attempts", "This address has shown too many wrong tokens. Try again later.")
NO_ROOM_FOR_ANSWER = Message(
    "disk_full", "The server has no room for this answer. Whoever looks after it must make some."
)
BAD_RANGE = Message("bad_range", "A card is sent whole (RFC 9110, 14.5).")
NOT_A_CARD = Message("unsupported_media_type", "A card is sent as text/vcard.")
FINITE_DEPTH = Message("finite_depth", "A PROPFIND has Depth 0 or 1 here.")
BAD_DEPTH = Message("bad_depth", "The header Depth must be 0 or 1.")
BAD_DEPTH_OF_REPORT = Message("bad_depth", "The header Depth must be 0, 1 or infinity.")
REPORT_OF_NO_BOOK = Message("unsupported_report", "Reports are of a book.")
NOTHING_HERE = Message("not_found", "There is nothing at this address.")
ONE_BOOK = Message("one_book", "There is one book, which is neither made nor removed here.")

# --- its XML ---------------------------------------------------------------------------------------------------------

XML_NOT_UTF8 = Message("bad_xml", "The XML must be in UTF-8.")
TAG_TOO_LONG = Message("bad_xml", "A tag of the XML is too long.")
DOCUMENT_TYPE = Message("bad_xml", "The XML has a document type or entities, which are not read here.")
NOT_XML = Message("bad_xml", "The body is not well-formed XML.")
XML_TOO_DEEP = Message("bad_xml", "The XML is nested more than {limit} deep.")
XML_TOO_LARGE = Message("body_too_large", "This may have at most {most:,} bytes.")
TOO_MANY_HREFS = Message("too_many_hrefs", "One request may name at most {limit:,} cards.")
TOO_MANY_ELEMENTS = Message("bad_xml", "The XML has more than {limit:,} elements.")
NOT_A_PROPFIND = Message("bad_xml", "A PROPFIND has a DAV:propfind as its body, or none.")
NOT_A_PROPPATCH = Message("bad_xml", "A PROPPATCH has a DAV:propertyupdate as its body.")
NO_PROPERTY = Message("bad_xml", "The DAV:propertyupdate names no property.")
NO_REPORT = Message("bad_xml", "A REPORT has a body that says which report.")
UNKNOWN_REPORT = Message("unsupported_report", "There is no such report here.")
UNSUPPORTED_TYPE = Message("unsupported_data", "Cards are served as text/vcard.")
UNSUPPORTED_VERSION = Message("unsupported_data", "Cards are served in the versions 3.0 and 4.0.")
BAD_LIMIT = Message("bad_xml", "nresults must be a whole number from 1.")
TOO_MANY_CONDITIONS = Message("unsupported_filter", "A filter may have at most {limit} conditions.")
NOT_PROP_FILTERS = Message("unsupported_filter", "A filter is made of prop-filters.")
UNKNOWN_COLLATION = Message("unsupported_collation", "The collations are {collations}.")
UNKNOWN_MATCH_TYPE = Message("unsupported_filter", "The match-types are {types}.")
SEARCH_TOO_LONG = Message("unsupported_filter", "A text to search for has at most {limit:,} characters.")
NAMELESS_FILTER = Message("bad_xml", "A filter needs the name of what it looks at.")
UNKNOWN_TEST = Message("unsupported_filter", 'A test is "anyof" or "allof".')
