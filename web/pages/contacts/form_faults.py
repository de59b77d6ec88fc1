"""What is wrong with an input of a contact's form, in words for whoever typed it."""

from __future__ import annotations

from offbook.contacts.typed_dates import ISO, DateStyle, write_day
from offbook.core import messages as core
from offbook.core.messages import Fault
from web.messages import pages

A_DAY, A_DAY_OF_NO_YEAR = "1815-12-10", "--12-10"


def describe_fault(fault: Fault, label: str, style: DateStyle = ISO) -> str:
    """The sentence that stands at the input, which is called ``label``; ``style`` is how its reader writes days."""
    if fault.message == core.TOO_LONG:
        return pages.INPUT_TOO_LONG.sentence(**{**fault.arguments, "label": label})
    if fault.message == core.BAD_DATE:
        days = {"day": write_day(A_DAY, style), "yearless": write_day(A_DAY_OF_NO_YEAR, style)}
        return pages.INPUT_NO_DAY.sentence(label=label, **days)
    if fault.message in (core.MISSING, core.EMPTY_VALUE) and fault.field == "name":
        return pages.NOTHING_TYPED.sentence()
    return f"{label} {fault.reason}"
