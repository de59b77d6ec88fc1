"""Why an ingest does not begin, or ends.

::

    OffbookError
    └── IngestError
        ├── BadAddress       the URL, a header or what is to be sent can't be used
        ├── NotAStream       the file holds something else
        ├── OtherStream      the file holds the stream of another address
        ├── FileLocked       another process writes to the file
        ├── StreamRefused    the server's answer is one that another try would not change
        │   └── Unauthorized it asks for a token, or for another one
        └── WriteFailed      what was received can't be stored

A connection that breaks off is no error: it is reported, noted as a gap, and made again.
"""

from __future__ import annotations

from offbook.core.errors import OffbookError


class IngestError(OffbookError):
    """An ingest did not begin, or ended."""

    code = "ingest_failed"


class BadAddress(IngestError):
    """The URL, a header or what is to be sent can't be used."""

    code = "bad_address"


class NotAStream(IngestError):
    """The file holds something else than a stream."""

    code = "not_a_stream"


class OtherStream(IngestError):
    """The file holds the stream of another address."""

    code = "other_stream"


class FileLocked(IngestError):
    """Another process writes to the file."""

    code = "occupied"


class StreamRefused(IngestError):
    """The server's answer is one that another try would not change."""

    code = "unwelcome"


class Unauthorized(StreamRefused):
    """The server asks for a token, or for another one."""

    code = "not_authorized"


class WriteFailed(IngestError):
    """What was received can't be stored."""

    code = "unkept"
