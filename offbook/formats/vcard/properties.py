"""Which property of a card is what of a contact, and which TYPE is which label: tables, and look-ups both ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

KINDS: Mapping[str, str] = {
    "TEL": "phone",
    "EMAIL": "email",
    "ADR": "address",
    "URL": "url",
    "ANNIVERSARY": "date",
    "X-ANNIVERSARY": "date",
    "X-EVOLUTION-ANNIVERSARY": "date",
    "X-ABDATE": "date",
    "RELATED": "relation",
    "X-ABRELATEDNAMES": "relation",
    "X-SPOUSE": "relation",
    "X-ASSISTANT": "relation",
    "X-MANAGER": "relation",
    "X-EVOLUTION-SPOUSE": "relation",
    "X-EVOLUTION-ASSISTANT": "relation",
    "X-EVOLUTION-MANAGER": "relation",
    "IMPP": "im",
    "X-SOCIALPROFILE": "im",
    "SOCIALPROFILE": "im",
    "X-AIM": "im",
    "X-GADUGADU": "im",
    "X-GOOGLE-TALK": "im",
    "X-GROUPWISE": "im",
    "X-ICQ": "im",
    "X-JABBER": "im",
    "X-MSN": "im",
    "X-QQ": "im",
    "X-SKYPE": "im",
    "X-SKYPE-USERNAME": "im",
    "X-YAHOO": "im",
    "X-CUSTOM": "custom",
}
"""Properties that are details of a contact; the first phone, e-mail and site are the contact's own."""

OWN_LABELS: Mapping[str, str] = {
    "ANNIVERSARY": "Anniversary",
    "X-ANNIVERSARY": "Anniversary",
    "X-EVOLUTION-ANNIVERSARY": "Anniversary",
    "X-SPOUSE": "Spouse",
    "X-ASSISTANT": "Assistant",
    "X-MANAGER": "Manager",
    "X-EVOLUTION-SPOUSE": "Spouse",
    "X-EVOLUTION-ASSISTANT": "Assistant",
    "X-EVOLUTION-MANAGER": "Manager",
    "X-AIM": "AIM",
    "X-GADUGADU": "Gadu-Gadu",
    "X-GOOGLE-TALK": "Google Talk",
    "X-GROUPWISE": "GroupWise",
    "X-ICQ": "ICQ",
    "X-JABBER": "Jabber",
    "X-MSN": "MSN",
    "X-QQ": "QQ",
    "X-SKYPE": "Skype",
    "X-SKYPE-USERNAME": "Skype",
    "X-YAHOO": "Yahoo",
}
"""The label that a property has by its name."""

MESSENGERS = frozenset(name for name, kind in KINDS.items() if kind == "im" and name != "IMPP")
"""Names that go out again as they came in: no other property says the same."""

FIELDS: Mapping[str, str] = {
    "TITLE": "title",
    "ROLE": "role",
    "X-PHONETIC-FIRST-NAME": "phonetic_given",
    "X-PHONETIC-MIDDLE-NAME": "phonetic_middle",
    "X-PHONETIC-LAST-NAME": "phonetic_family",
    "X-FILE-AS": "file_as",
}
"""Properties of one text that are fields of a contact."""

NAME_PARTS = ("family_name", "given_name", "middle_name", "prefix", "suffix")
"""The components of N in their order (RFC 6350, section 6.2.2)."""

ADDRESS_PARTS = ("po_box", "extended", "street", "city", "region", "postcode", "country")
"""The components of ADR in their order (RFC 6350, section 6.3.1)."""

COLUMNS: Mapping[str, tuple[str, str, str]] = {
    "phone": ("phone", "phone_label", "phone_params"),
    "email": ("email", "email_label", "email_params"),
    "url": ("website", "website_label", "website_params"),
}
"""The fields of a contact that its first detail of a kind stands in: value, label, parameters."""

DROPPED = frozenset({"VERSION", "REV", "PRODID"})
"""What is about the card and not about the person."""

GROUP, NAME, MORE, TIME = "@GROUP", "@NAME", "@MORE", "@TIME"
"""What stands among the parameters and is none, so that it begins with what no parameter begins with: the group that
joins a property with others, its name where that does not follow from the kind, components beyond the last that has a
place, and the time of a date."""

COUNTRY_CODE = "X-ABADR"
"""The country whose form an address has: a property of Apple's in the address's group, here a parameter."""

GROUP_LABEL = "X-ABLABEL"
"""A property of Apple's: the label of the property in the same group."""

PREFERRED_TYPE = "pref"

_PLACES = (("Home", {"home"}), ("Work", {"work"}), ("Other", {"other"}))
_PHONES = (
    ("Home Fax", {"home", "fax"}),
    ("Work Fax", {"work", "fax"}),
    ("Mobile", {"cell"}),
    ("Pager", {"pager"}),
    ("Main", {"main"}),
    *_PLACES,
    ("Fax", {"fax"}),
)
_SERVICES = ("Facebook", "Flickr", "GitHub", "Instagram", "LinkedIn", "Mastodon", "MySpace", "Twitter", "YouTube")
_RELATIONS = (
    *("Spouse", "Child", "Parent", "Sibling", "Friend", "Kin", "Colleague", "Co-worker", "Neighbor", "Co-resident"),
    *("Acquaintance", "Contact", "Met", "Muse", "Crush", "Date", "Sweetheart", "Me", "Agent", "Emergency"),
)
LABELS_BY_TYPES: Mapping[str, tuple[tuple[str, frozenset[str]], ...]] = {
    kind: tuple((label, frozenset(types)) for label, types in labels)
    for kind, labels in {
        "phone": _PHONES,
        "email": _PLACES,
        "address": _PLACES,
        "url": _PLACES,
        "im": (*((name, {name.lower()}) for name in _SERVICES), *_PLACES),
        "relation": tuple((name, {name.lower()}) for name in _RELATIONS),
    }.items()
}
"""Per kind, the label for types that stand together; the first that fits counts (RFC 6350, sections 5.6, 6.4.1, 6.6.6).
"""

APPLE_LABELS = {
    **{label: label for label in ("Home", "Work", "Mobile", "Main", "Pager", "Other", "Anniversary")},
    **{label: label for label in ("Mother", "Father", "Parent", "Brother", "Sister", "Child", "Son", "Daughter")},
    **{label: label for label in ("Friend", "Spouse", "Partner", "Assistant", "Manager")},
    "HomePage": "Home Page",
    "HomeFAX": "Home Fax",
    "WorkFAX": "Work Fax",
}
"""Labels that Apple's programs translate, as they write them, and as offbook does."""
APPLE_BY_LABEL = {label: name for name, label in APPLE_LABELS.items()}
APPLE_BEGIN, APPLE_END = "_$!<", ">!$_"

STARRED_CATEGORIES = frozenset({"starred", "* starred"})
CONTACT_CATEGORIES = frozenset({"myContacts", "* myContacts", "* My Contacts", "My Contacts"})
"""Google's own groups in its cards: they say that a contact has a star, and that it is one."""

Types = tuple[str, ...]


@lru_cache(maxsize=1024)
def label_of_types(kind: str, types: Types) -> tuple[str, Types]:
    """The label that types say, and the types that it leaves; none where they say no label."""
    present = frozenset(types)
    for label, needed in LABELS_BY_TYPES.get(kind, ()):
        if needed <= present:
            return label, tuple(type_ for type_ in types if type_ not in needed)
    return "", types


def types_of_label(kind: str, label: str, others: Types) -> Types | None:
    """The types of a label beside others; None where they would not be read as that label beside these others."""
    own = next((types for name, types in LABELS_BY_TYPES.get(kind, ()) if name == label), None)
    types = (*sorted(own or ()), *others)
    if own is None and label or label_of_types(kind, types) != (label, others):
        return None
    return types


def read_apple_label(text: str) -> str:
    """A label out of the brackets in which Apple puts one of its own."""
    if not (text.startswith(APPLE_BEGIN) and text.endswith(APPLE_END) and len(text) >= 8):
        return text
    inside = text[len(APPLE_BEGIN) : -len(APPLE_END)]
    return APPLE_LABELS.get(inside, inside)


def write_apple_label(label: str) -> str:
    """A label for GROUP_LABEL, in brackets where Apple's programs know it or would take it for theirs."""
    if label in APPLE_BY_LABEL or label.startswith(APPLE_BEGIN):
        return f"{APPLE_BEGIN}{APPLE_BY_LABEL.get(label, label)}{APPLE_END}"
    return label


def is_system_category(name: str) -> bool:
    """Whether a category of a card is none of a person's labels."""
    return name in STARRED_CATEGORIES or name in CONTACT_CATEGORIES


def without(params: Iterable[tuple[str, tuple[str, ...]]], *names: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The parameters but for those of these names."""
    if not params:
        return ()
    return tuple(param for param in params if param[0] not in names)
