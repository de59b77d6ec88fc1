"""Why an ingest does not begin, or ends.

::

    OffbookError
    └── IngestError
        ├── BadAddress       the URL, a header or what is to be sent can't be used
        ├── NotAStream       the file holds something else
        ├── OtherStream      the file holds the stream of another address
        ├── Occupied         another process writes to the file
        ├── Unwelcome        the server's answer is one that another try would not change
        │   └── NotLetIn     it asks for a token, or for another one
        └── Unkept           what was received can't be stored

A connection that breaks off is no error: it is told, noted as a gap, and made again.
"""

from __future__ import annotations

from offbook.core.errors import OffbookError


class IngestError(OffbookError):
    code = "ingest_failed"


class BadAddress(IngestError):
    code = "bad_address"


class NotAStream(IngestError):
    code = "not_a_stream"


class OtherStream(IngestError):
    code = "other_stream"


class FileLocked(IngestError):
    code = "occupied"


class Refused(IngestError):
    code = "unwelcome"


class Unauthorized(Refused):
    code = "not_authorized"


class WriteFailed(IngestError):
    code = "unkept"
