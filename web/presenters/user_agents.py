"""What a browser is, in words: ``Firefox on Windows``. Pure: a User-Agent header in, words out.

The header is nearly all history: most browsers name those that they want to be taken for. So the first of these marks
that occurs names the browser; what is not in the lists is called what it calls itself first.
"""

from __future__ import annotations

import re

BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("HeadlessChrome/", "Chromium"),
    ("Chromium/", "Chromium"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Macintosh", "macOS"),
    ("FreeBSD", "FreeBSD"),
    ("OpenBSD", "OpenBSD"),
    ("Linux", "Linux"),
)
NAME = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{0,39}")
UNKNOWN = "A browser"

PROGRAMS = (
    ("Thunderbird/", "Thunderbird"),
    ("DAVx5/", "DAVx⁵"),
    ("Evolution/", "Evolution"),
    ("AddressBookCore/", "Contacts on Mac"),
    ("iOS/", "Contacts on iPhone"),
)
UNKNOWN_PROGRAM = "an unknown program"
LENGTH_MAX = 500
"""Longer than any browser's; what comes behind is nothing that a name is looked for in."""


def browser_of(user_agent: str) -> str:
    """The browser and the system, as far as the header names them. At most 60 letters."""
    text = user_agent[:LENGTH_MAX]
    browser = next((name for mark, name in BROWSERS if mark in text), _calls_itself(text))
    system = next((name for mark, name in SYSTEMS if mark in text), "")
    return f"{browser} on {system}" if system else browser


def program_of(user_agent: str) -> str:
    """The program that syncs contacts by CardDAV. At most 40 letters."""
    text = user_agent[:LENGTH_MAX]
    return next((name for mark, name in PROGRAMS if mark in text), _calls_itself(text, UNKNOWN_PROGRAM))


def _calls_itself(text: str, unknown: str = UNKNOWN) -> str:
    """``curl/8.1`` is curl. Every browser calls itself Mozilla, which says nothing."""
    name = NAME.match(text.partition("/")[0])
    return unknown if name is None or name[0] == "Mozilla" else name[0].strip()
