"""Days as people type them: in their own order, with a year or without."""

from __future__ import annotations

import pytest

from offbook.contacts.typed_dates import ISO, STYLES, DateStyle, read_day, style_of, write_day

GERMAN, AMERICAN, BRITISH = (STYLES[tag] for tag in ("de", "en-us", "en-gb"))


@pytest.mark.parametrize(
    ("language", "style"),
    [("de-AT", GERMAN), ("en-US", AMERICAN), ("en-GB", BRITISH), ("en", ISO), ("tlh", ISO), ("", ISO)],
)
def test_a_language_has_its_own_order(language: str, style: DateStyle) -> None:
    assert style_of(language) == style


@pytest.mark.parametrize(
    ("day", "style", "text"),
    [
        ("1815-12-10", GERMAN, "10.12.1815"),
        ("--12-10", GERMAN, "10.12."),
        ("1815-12-10", AMERICAN, "12/10/1815"),
        ("--12-10", AMERICAN, "12/10"),
        ("--12-10", BRITISH, "10/12"),
        ("1815-12-10", STYLES["ja"], "1815/12/10"),
        ("1815-12-10", ISO, "1815-12-10"),
        ("in spring", GERMAN, "in spring"),
    ],
)
def test_a_day_is_written_as_its_reader_writes_one(day: str, style: DateStyle, text: str) -> None:
    assert write_day(day, style) == text


@pytest.mark.parametrize("style", sorted(set(STYLES.values())))
@pytest.mark.parametrize("day", ["1815-12-10", "2000-02-29", "--02-29", "--01-31"])
def test_what_is_written_is_read_again(day: str, style: DateStyle) -> None:
    assert read_day(write_day(day, style), style) == day
    assert read_day(day, style) == day


@pytest.mark.parametrize(
    ("text", "style", "day"),
    [
        (" 10. 12. 1815 ", GERMAN, "1815-12-10"),
        ("3/4/1990", BRITISH, "1990-04-03"),
        ("3/4/1990", AMERICAN, "1990-03-04"),
        ("3.4.1990", ISO, "1990-04-03"),
        ("1990/3/4", AMERICAN, "1990-03-04"),
        ("10 December 1815", ISO, "1815-12-10"),
        ("10th of dec", ISO, "--12-10"),
        ("December 10, 1815", BRITISH, "1815-12-10"),
        ("May 3rd", BRITISH, "--05-03"),
        ("3/4/90", BRITISH, None),
        ("1990-3", ISO, None),
        ("29.2.2001", GERMAN, None),
        ("--x", ISO, None),
        ("10 Frimaire 1815", ISO, None),
        ("soon", ISO, None),
        ("", ISO, None),
    ],
)
def test_a_day_is_read_as_it_was_typed(text: str, style: DateStyle, day: str | None) -> None:
    assert read_day(text, style) == day
