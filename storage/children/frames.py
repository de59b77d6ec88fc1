"""What the server and a process that reads for it say to each other: values, each behind its length.

They are pickled, since both are the same program; what is read of a file never is.
"""

from __future__ import annotations

import copyreg
import pickle
from types import MappingProxyType
from typing import IO, Any

LENGTH_BYTES = 8


def _reduce(mapping: MappingProxyType[Any, Any]) -> tuple[type, tuple[dict[Any, Any]]]:
    return MappingProxyType, (dict(mapping),)


copyreg.pickle(MappingProxyType, _reduce)


def write_frame(out: IO[bytes], value: object) -> None:
    """Send a value."""
    content = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    out.write(len(content).to_bytes(LENGTH_BYTES, "big") + content)
    out.flush()


def read_frame(source: IO[bytes]) -> Any:
    """The next value. Raises EOFError where the other side ended before it had sent it."""
    length = int.from_bytes(_read(source, LENGTH_BYTES), "big")
    return pickle.loads(_read(source, length))


def _read(source: IO[bytes], length: int) -> bytes:
    content = source.read(length)
    if len(content) < length:
        raise EOFError
    return content
