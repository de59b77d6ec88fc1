"""What programs make of a card that they were served, when a person edits something else in it: as text to text.

Observed with the real programs, on cards of 3.0 and 4.0.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping

from offbook.formats.vcard.output import fold
from offbook.formats.vcard.syntax import unescape

Editor = Callable[[str], str]

ANDROID_JPEG = b"\xff\xd8\xff\xe1 the same picture, as Android keeps it"


def unfolded(card: str) -> list[str]:
    """The logical lines of a card."""
    return card.replace("\r\n ", "").split("\r\n")[:-1]


def folded(lines: Iterable[str]) -> str:
    """A card of these lines."""
    return "".join(map(fold, lines))


def header(line: str) -> tuple[str, str]:
    """What stands before the colon, and behind it."""
    match = re.match(r'((?:[^":]|"[^"]*")*):(.*)', line, re.DOTALL)
    assert match, line
    return match[1], match[2]


def params(head: str) -> list[str]:
    """The name of a property with its group, and its parameters."""
    return re.findall(r'(?:[^";]|"[^"]*")+', head)


def unchanged(card: str) -> str:
    """One that writes what it read."""
    return card


def thunderbird(card: str) -> str:
    """Names, parameters and groups in capitals, all TYPEs in one parameter, VALUE=DATE at dates; URIs with escaped
    commas and without VALUE=uri; REV and PRODID of its own."""
    lines = []
    for line in unfolded(card):
        head, value = header(line)
        name, *pieces = params(head)
        pieces = [piece.partition("=")[0].upper() + "=" + piece.partition("=")[2] for piece in pieces]
        types = [piece[5:].strip('"') for piece in pieces if piece.startswith("TYPE=")]
        others = [piece for piece in pieces if not piece.startswith(("TYPE=", "VALUE=uri"))]
        if types:
            joined = ",".join(",".join(types).split(","))
            others.append(f"TYPE={joined.upper()}" if "," not in joined else f'TYPE="{joined}"')
        if name.rpartition(".")[2] in ("BDAY", "ANNIVERSARY"):
            others.append("VALUE=DATE")
        if value.startswith(("data:", "geo:", "https:")):
            value = value.replace(",", "\\,")
        lines.append(f"{';'.join([name.upper(), *others])}:{value}")
    return folded([*lines[:-1], "REV:20261120T101112Z", "PRODID:-//Mozilla//Thunderbird//EN", lines[-1]])


def evolution(card: str) -> str:
    """VERSION:3.0 with whatever is in the card, its own remarks at every phone, one backslash more before a colon,
    nicknames as one text, and escaped signs in data: URIs."""
    lines = []
    for line in unfolded(card):
        head, value = header(line)
        name = params(head)[0].rpartition(".")[2].upper()
        if name == "VERSION":
            value = "3.0"
        if name == "TEL":
            head += ";X-EVOLUTION-E164=15550110,"
        if name == "URL":
            value = value.replace(":", "\\\\:")
        if name == "NICKNAME":
            value = value.replace(",", "\\,")
        if value.startswith("data:"):
            value = value.replace(";", "\\;").replace(",", "\\,")
        lines.append(f"{head}:{value}")
    return folded([*lines[:-1], "X-EVOLUTION-FILE-AS:King\\, Ada", "REV:2026-11-20T10:11:12Z(12)", lines[-1]])


def khard(card: str) -> str:
    """Groups of its own, the label of a group once more as a TYPE, IMPP without parameters, dates without the one that
    says that there is no year, and addresses out of their groups."""
    labels = {
        head.partition(".")[0]: value for head, value in map(header, unfolded(card)) if head.endswith(".X-ABLabel")
    }
    lines = []
    for line in unfolded(card):
        head, value = header(line)
        group, dot, rest = head.rpartition(".") if re.match(r"[\w-]+\.", head) else ("", "", head)
        name, *pieces = params(rest)
        if name == "IMPP":
            pieces = []
        if name in ("TEL", "EMAIL") and group in labels and not labels[group].startswith("_$!<"):
            pieces.append(f'TYPE="X-{unescape(labels[group])}"')
        if name == "ADR":
            group, dot = "", ""
        pieces = [piece for piece in pieces if not piece.startswith("X-APPLE-OMIT-YEAR")]
        group = group.replace("item", "itememail")
        lines.append(f"{group}{dot}{';'.join([name, *pieces])}:{value}")
    return folded([*lines[:-1], "X-KIND:individual", "REV:20261120T101112Z", lines[-1]])


def davx5(card: str) -> str:
    """The photo as Android keeps it, groups of its own, no large SOUND or LOGO, REV and PRODID of its own."""
    lines = []
    for line in unfolded(card):
        name = params(header(line)[0])[0].rpartition(".")[2]
        if name == "PHOTO":
            line = f"PHOTO;ENCODING=b;TYPE=jpeg:{b64encode(ANDROID_JPEG).decode()}"
            if "VERSION:4.0" in lines:
                line = f"PHOTO:data:image/jpeg;base64,{b64encode(ANDROID_JPEG).decode()}"
        if name not in ("LOGO", "SOUND", "KEY", "SORT-STRING"):
            lines.append(re.sub(r"^item(\d+)\.", r"group\1.", line))
    return folded([*lines[:-1], "PRODID:DAVx5/4.5.19 ez-vcard/0.12.1", "REV:20261120T101112Z", lines[-1]])


def apple(card: str) -> str:
    """Types one by one and in capitals, INTERNET and VOICE at all of them, a preferred one of each kind, escaped colons
    in URLs, a country code at each address, and what macOS notes for itself. Cards of Apple's are always 3.0."""
    lines = []
    preferred = set(re.findall(r"(?:^|\.)(TEL|EMAIL|ADR|URL)[^:\n]*[Pp][Rr][Ee][Ff]", "\n".join(unfolded(card)), re.M))
    groups = 90
    for line in unfolded(card):
        head, value = header(line)
        first, *pieces = params(head)
        name = first.rpartition(".")[2]
        split = []
        for piece in pieces:
            key, _, text = piece.partition("=")
            split += [f"type={each.upper()}" for each in text.strip('"').split(",")] if key == "TYPE" else [piece]
        split += ["type=INTERNET"] * (name == "EMAIL") + ["type=VOICE"] * (name == "TEL")
        if name in ("TEL", "EMAIL", "ADR", "URL") and name not in preferred:
            preferred.add(name)
            split.append("type=pref")
        if name == "URL":
            value = value.replace(":", "\\:")
        if name == "ADR" and first == "ADR":
            groups += 1
            first = f"item{groups}.ADR"
            lines.append(f"item{groups}.X-ABADR:us")
        lines.append(f"{';'.join([first, *split])}:{value}")
    return folded(
        [*lines[:-1], "X-ABUID:0F8F:ABPerson", "X-IMAGETYPE:PHOTO", "REV:2026-11-20T10:11:12Z", "PRODID:-//Apple//EN"]
        + lines[-1:]
    )


def reversed_lines(card: str) -> str:
    """Radicale's library, which puts properties into an order of its own."""
    first, version, *lines, last = unfolded(card)
    return folded([first, version, *reversed(lines), last])


EDITORS: Mapping[str, Editor] = {
    editor.__name__: editor for editor in (unchanged, thunderbird, evolution, khard, davx5, apple, reversed_lines)
}
