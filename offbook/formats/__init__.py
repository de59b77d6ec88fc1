"""File formats in which contacts come and go. Pure: text in, contacts out, and the other way."""
