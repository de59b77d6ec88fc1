"""The rights of a user whom file modes bind, for tests that root runs too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

NOBODY = 65534


@contextmanager
def bound_by_modes() -> Iterator[None]:
    """What is done in here may do no more than modes allow: root may everything."""
    if os.geteuid() != 0:
        yield
        return
    "host".encode("idna")  # Python loads this when it is first needed, from a folder that may be root's alone
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
