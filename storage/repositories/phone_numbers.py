"""How a phone number may be spelled, by the numbering plans of the library phonenumbers.

The library takes a moment and megabytes to load: it is loaded when somebody searches for a number or chooses a region,
and never by a sync or at the start. What is stored is made without it (offbook.core.search).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from offbook.core.errors import Invalid
from offbook.core.search import last_digits, phone_key
from storage import messages

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber


def validate_region(code: str) -> str | None:
    """A country's two letters in capitals; None for an empty text. Raises Invalid for what is no country."""
    from phonenumbers import SUPPORTED_REGIONS

    region = code.strip().upper()
    if region and region not in SUPPORTED_REGIONS:
        raise Invalid.of(messages.UNKNOWN_REGION)
    return region or None


def spellings(key: str, region: str | None) -> list[str]:
    """Parts of a record's text, one of which occurs where the number of this key is stored.

    Those are whole keys where the region says which number it is, and the digits themselves, for who types but a part.
    """
    number = _number(key, region) if region else None
    if number is None or region is None:
        return last_digits(key)
    digits = key.removeprefix("+")
    return [digits, *dict.fromkeys(f"\n{stored}\n" for stored in _keys(number, region))]


def _number(key: str, region: str) -> PhoneNumber | None:
    """The number, where it is a whole one."""
    from phonenumbers import NumberParseException, ValidationResult, is_possible_number_with_reason, parse

    try:
        number = parse(key, region)
    except NumberParseException:
        return None
    return number if is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE else None


def _keys(number: PhoneNumber, region: str) -> list[str]:
    """The keys by which people of this region store it: with the country's code, and as it is dialled from there."""
    from phonenumbers import (
        PhoneNumberFormat,
        country_code_for_region,
        format_number,
        format_out_of_country_calling_number,
        national_significant_number,
    )

    national = national_significant_number(number)
    texts = [
        format_number(number, PhoneNumberFormat.E164),
        format_out_of_country_calling_number(number, region),
        f"{number.country_code}{national}",
    ]
    if number.country_code == country_code_for_region(region):
        texts += [format_number(number, PhoneNumberFormat.NATIONAL), national]
    return [key for text in texts if (key := phone_key(text)) is not None]
