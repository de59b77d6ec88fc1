"""Cards and contacts for Hypothesis: cards as programs write them in all their ways, contacts as a book holds them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from offbook.formats.values import Contact
from offbook.formats.vcard.output import fold
from offbook.formats.vcard.properties import APPLE_LABELS, LABELS_BY_TYPES, is_system_category

TRICKY = [
    " ::: ", ";", ",", "\\", "\\n", "\\;", "a\\", "^n", "^", '"', ":", "a:b", "=3D", "=", "BEGIN:VCARD", "END:VCARD",
    "_$!<Home>!$_", "_$!<", "tel:1", "mailto:a@x.example", "a\nb", "\n", " x ", "a, b", "a; b", "a,  b", "山", "😀",
    "é" * 40, "x" * 76, "x" * 74 + "é", " " * 80, "item1", "{", "%", "--04-15", "20010203", "urn:uuid:x",
]  # fmt: skip
LETTERS = st.sampled_from(':;,\\"^= é山😀\n') | st.characters(exclude_categories=["Cs", "Cc"])
TEXTS = st.sampled_from(TRICKY) | st.text(LETTERS, max_size=12)
FILLED = TEXTS.filter(str.strip)


def dump(params: Any) -> str:
    """Parameters as a contact has them."""
    return json.dumps(params, ensure_ascii=False, separators=(",", ":"))


# --- cards -----------------------------------------------------------------------------------------------------------

TYPES = ["home", "work", "cell", "fax", "pref", "voice", "internet", "other", "main", "pager", "twitter", "spouse"]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

PARAMETERS = st.sampled_from(
    [f"TYPE={type_}" for type_ in TYPES]
    + ['type="home,voice"', "TYPE=HOME;TYPE=VOICE", "type=work,fax", "PREF=1", "PREF=2", "LANGUAGE=de", "ALTID=1"]
    + ["X-FOO=bar", 'X-FOO="a;b:c,d"', "X-FOO=a^nb^^c^'", 'SORT-AS="King,Ada"', "VALUE=text", "X-EVOLUTION-UI-SLOT=1"]
)
ESCAPED = [
    "a",
    "a\\,b",
    "a\\;b",
    "a,b",
    "a;b",
    "",
    "a\\nb",
    "\\\\",
    "\\&",
    "é" * 60,
    "x" * 90,
    "http\\://x",
    "C:\\temp",
    " ",
]
PLAIN = st.sampled_from(ESCAPED) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
DATES = [
    "1980-05-09",
    "19800509",
    "--0509",
    "1980-05-09T00:00:00Z",
    "19800509T101112Z",
    "1980",
    "circa",
    "",
    "1980-02-30",
]
TEXT_PROPERTIES = [
    "TEL", "EMAIL", "URL", "FN", "TITLE", "ROLE", "NOTE", "NICKNAME", "ORG", "N", "ADR", "CATEGORIES", "IMPP", "tel",
    "RELATED", "X-ABRELATEDNAMES", "X-SOCIALPROFILE", "X-SKYPE", "X-SPOUSE", "X-CUSTOM", "X-FOO", "GEO", "REV", "UID",
    "X-PHONETIC-FIRST-NAME", "X-FILE-AS", "LABEL", "KIND", "X-ABADR", "X-ABLabel", "X-EVOLUTION-FILE-AS", "X-STARRED",
]  # fmt: skip
SPECIAL = [
    "X-ABShowAs:COMPANY", "KIND:individual", "KIND:org", "KIND:location", "X-ADDRESSBOOKSERVER-KIND:individual",
    f"PHOTO;ENCODING=b;TYPE=PNG:{PNG}", f"PHOTO:data:image/png;base64,{PNG}", "PHOTO;VALUE=uri:https://x.example/p",
    f"LOGO;ENCODING=BASE64;TYPE=GIF:{PNG}", f"SOUND;VALUE=uri:data:audio/ogg;base64,{PNG}", "KEY:data:text/plain,x",
    f"X-MS-CARDPICTURE;TYPE=JPEG;ENCODING=BASE64:{PNG}", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-05-09",
    "X-ABDATE;X-APPLE-OMIT-YEAR=1604:1604-05-09", "UID:urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e", "X-STARRED:1",
    "CATEGORIES:starred,myContacts", "X-ANDROID-CUSTOM:vnd.android.cursor.item/nickname;Anni;1;;;",
    "X-ANDROID-CUSTOM:vnd.android.cursor.item/contact_event;2001-02-03;0;Boat day;;",
    "TEL;X-CUSTOM(CHARSET=UTF-8,ENCODING=QUOTED-PRINTABLE,=42=C3=BC=72=6F):1", "TEL;VALUE=uri:tel:+1-555;ext=5",
    "NOTE;ENCODING=QUOTED-PRINTABLE:a=0Ab=\r\n=C3=BC", "N:a;b;c;d;e;f;g", "ADR:1;2;3;4;5;6;7;8;9",
    'ADR;LABEL="a^nb":;;1;;;;', "LABEL;TYPE=home:a\\nb", "ADR;TYPE=home:;;1;;;;", "no line at all",
]  # fmt: skip


@st.composite
def lines(draw: st.DrawFn) -> str:
    """A line of a card, folded or not."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.sampled_from(SPECIAL))
    if kind == 1:
        name, value = draw(st.sampled_from(["BDAY", "ANNIVERSARY", "X-ABDATE"])), draw(st.sampled_from(DATES))
    else:
        name = draw(st.sampled_from(TEXT_PROPERTIES))
        value = draw(st.lists(PLAIN, min_size=1, max_size=3).map(draw(st.sampled_from([";", ",", ""])).join))
    group = draw(st.sampled_from(["", "", "", "item1.", "item2.", "ITEM1.", "g."]))
    params = draw(st.lists(PARAMETERS, max_size=2))
    line = "".join([group, name, *(f";{param}" for param in params), ":", value])
    return fold(line)[:-2] if draw(st.booleans()) else line


@st.composite
def grouped_labels(draw: st.DrawFn) -> str:
    """A property and Apple's label for it."""
    number, name = draw(st.integers(1, 99)), draw(st.sampled_from(["TEL", "EMAIL", "URL", "X-ABDATE", "ADR", "IMPP"]))
    label = draw(st.sampled_from([f"_$!<{label}>!$_" for label in APPLE_LABELS] + ["Boat", "a\\, b", "Home", ""]))
    params = draw(st.lists(PARAMETERS, max_size=1))
    head = "".join([f"item{number}.{name}", *(f";{param}" for param in params)])
    return f"{head}:{draw(PLAIN)}\r\nitem{number}.X-ABLabel:{label}"


@st.composite
def cards(draw: st.DrawFn) -> bytes:
    """A card of any version."""
    body = draw(st.lists(lines() | grouped_labels(), max_size=8))
    version = draw(st.sampled_from(["VERSION:2.1", "VERSION:3.0", "VERSION:4.0"]))
    text = "\r\n".join(["BEGIN:VCARD", version, *body, "END:VCARD", ""])
    return text.replace("\r\n", draw(st.sampled_from(["\r\n", "\n"]))).encode()


# --- contacts --------------------------------------------------------------------------------------------------------

PARAMS = st.sampled_from([None, [["LANGUAGE", ["de"]]], [["X-FOO", ["a;b", 'c"d', "^n", "e\nf"]]], [["ALTID", ["1"]]]])


def _params() -> st.SearchStrategy[str | None]:
    return PARAMS.map(lambda value: None if value is None else dump(value))


LABELS = {
    kind: st.sampled_from(["", "Boat", "home", "_$!<x>!$_", *(label for label, _ in LABELS_BY_TYPES.get(kind, ()))])
    for kind in ("phone", "email", "address", "url", "date", "relation", "im", "custom")
}
URLS = st.sampled_from(["https://x.example/a,b;c", "http://x.example/a\\b", "x", "skype:foo", "xmpp:a@x.example"])
PARTS = ("po_box", "extended", "street", "city", "region", "postcode", "country")


def entries(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """A detail as reading makes it: without what a card can't tell from nothing."""
    value = {"url": URLS, "im": URLS, "date": st.sampled_from(["2001-02-03", "--02-29", "spring"])}.get(kind, FILLED)
    fields: dict[str, st.SearchStrategy[Any]] = {"kind": st.just(kind), "value": value}
    if kind == "group":
        return st.fixed_dictionaries(
            {**fields, "value": FILLED.map(str.strip).filter(lambda name: not is_system_category(name))}
        )
    if kind == "property":
        names = st.sampled_from(["GENDER", "X-FOO", "GEO", "LANG", "X-BAR-2"])
        raw = st.sampled_from(["a", "a\\,b", "a;b\\n", "https://x.example", "é"])
        return st.fixed_dictionaries({**fields, "label": names, "value": raw, "params": _params()})
    fields |= {"label": LABELS[kind], "pref": st.just(True) | st.none(), "params": _params()}
    if kind == "address":
        fields["value"] = TEXTS
        fields |= dict.fromkeys(PARTS, TEXTS.map(lambda text: text[:50]))
    return st.fixed_dictionaries(fields)


KINDS = ["phone", "email", "address", "url", "date", "im", "relation", "group", "custom", "property"]


@st.composite
def contacts(draw: st.DrawFn) -> Contact:
    """A contact in the form in which reading gives them: the first phone, e-mail and site in its fields."""
    texts = dict.fromkeys(("name", "nickname", "file_as", "company", "department", "title", "role", "notes"), FILLED)
    parts = ("given_name", "middle_name", "family_name", "prefix", "suffix")
    phonetic = ("phonetic_given", "phonetic_middle", "phonetic_family")
    contact: Contact = {"id": str(draw(st.uuids())), "name": draw(FILLED)}
    for name in draw(st.sets(st.sampled_from([*texts, *parts, *phonetic]))):
        contact[name] = draw(FILLED)
    contact["birthday"] = draw(st.sampled_from([None, "1815-12-10", "--02-29"]))
    contact["kind"] = draw(st.sampled_from([None, "person", "organization"]))
    contact["uid"] = draw(st.sampled_from([None, None, "x:y", "0F8FAD5B-D9CB-469F-A165-70867728950E", "a,b;c\\"]))
    contact["starred"] = draw(st.booleans())
    details: dict[str, Any] = {}
    labels = set[str]()
    counts = dict.fromkeys(KINDS, 0)
    for kind in draw(st.lists(st.sampled_from(KINDS), max_size=6)):
        entry = {name: value for name, value in draw(entries(kind)).items() if value}
        counts[kind] += 1
        columns = {"phone": "phone", "email": "email", "url": "website"}
        if kind in columns and counts[kind] == 1:
            field = columns[kind]
            params = [["PREF", ["1"]]] * entry.get("pref", False) + json.loads(entry.get("params", "[]"))
            contact |= {field: entry["value"], f"{field}_label": entry.get("label")}
            contact[f"{field}_params"] = dump(params) if params else None
        elif len(entry) > 1 and (kind != "group" or entry["value"] not in labels):
            labels.add(entry["value"] if kind == "group" else "")
            details[f"{kind}-{counts[kind]}"] = {**entry, "position": counts[kind]}
    return {**contact, "details": details}
