"""The tables of contacts, field by field: the place that a new field of a contact begins in."""

from __future__ import annotations

from dataclasses import replace

from offbook.contacts.names import COMPOSITE
from offbook.core.schema import Field, Map, Naming, Schema, Table, Type

GROUP = "group"
"""The kind of detail that names a label of its contact."""

SYSTEM_GROUPS = ("* mycontacts", "* my contacts", "my contacts", "* starred")
"""Google's own groups, as keys are compared. They say that a contact is one, or has a star, and are no labels."""

DETAIL_KINDS = ("phone", "email", "address", "url", "date", GROUP, "custom", "im", "relation", "property")

CONTACT_KINDS = ("person", "organization")

LABEL_LIMIT = 2_000
PARAMS_LIMIT = 8_000
PROPERTY_LIMIT = 2**16

CONTACTS = Table(
    name="contacts",
    singular="contact",
    composite=COMPOSITE,
    bytes_max=512 * 1024,
    fields=(
        Field("name", limit=300, required=True),
        Field("email", limit=320, beside="email"),
        Field("email_label", limit=100),
        Field("phone", limit=100, beside="phone"),
        Field("phone_label", limit=100),
        Field("given_name"),
        Field("middle_name"),
        Field("family_name"),
        Field("prefix", limit=100),
        Field("suffix", limit=100),
        Field("nickname"),
        Field("file_as", limit=300),
        Field("company", limit=300),
        Field("department", limit=300),
        Field("title", limit=300),
        Field("birthday", Type.DATE, limit=10),
        Field("website", limit=2000, beside="url"),
        Field("website_label", limit=100),
        Field("notes", limit=20_000, is_joinable=True),
        Field("starred", Type.FLAG),
        Field("uid", limit=500),
        Field("kind", Type.CHOICE, limit=20, choices=CONTACT_KINDS),
        Field("role", limit=300),
        Field("phonetic_given"),
        Field("phonetic_middle"),
        Field("phonetic_family"),
        Field("phone_params", limit=PARAMS_LIMIT),
        Field("email_params", limit=PARAMS_LIMIT),
        Field("website_params", limit=PARAMS_LIMIT),
        Field("photo", limit=64),
    ),
    maps=(
        Map(
            name="details",
            rows="contact_details",
            owner="contact_id",
            beside="value",
            naming=Naming("labels", "kind", GROUP, "value", LABEL_LIMIT, SYSTEM_GROUPS),
            attributes=(
                Field("kind", Type.CHOICE, limit=20, required=True, choices=DETAIL_KINDS),
                Field("label", limit=100),
                Field("value", limit=PROPERTY_LIMIT),
                Field("position", Type.INTEGER, least=-(2**31), most=2**31 - 1),
                Field("street", limit=500, shares="value"),
                Field("city", limit=200, shares="value"),
                Field("region", limit=200, shares="value"),
                Field("postcode", limit=50, shares="value"),
                Field("country", limit=200, shares="value"),
                Field("po_box", limit=200, shares="value", is_later=True),
                Field("extended", limit=500, shares="value", is_later=True),
                Field("pref", Type.FLAG),
                Field("params", limit=PARAMS_LIMIT),
            ),
            entries_max=500,
        ),
    ),
)

LABELS = Table(name="labels", singular="label", fields=(Field("name", limit=LABEL_LIMIT, required=True),), key="name")
"""Labels of people. The contacts that have one name it in a detail of the kind group."""

BUILT_IN = Schema((CONTACTS, LABELS))
"""The tables that every replica and every server has."""

FIRST_FIELDS = (
    *("name", "email", "email_label", "phone", "phone_label", "given_name", "middle_name", "family_name", "prefix"),
    *("suffix", "nickname", "file_as", "company", "department", "title", "birthday", "website", "website_label"),
    *("notes", "starred"),
)
FIRST_ATTRIBUTES = ("kind", "label", "value", "position", "street", "city", "region", "postcode", "country")


def _as_at_first(table: Table) -> Table:
    details = table.maps_by_name["details"]
    attributes = tuple(details.by_name[name] for name in FIRST_ATTRIBUTES)
    fields = tuple(table.by_name[name] for name in FIRST_FIELDS)
    return replace(table, fields=fields, maps=(replace(details, attributes=attributes, naming=None),))


FIRST_SCHEMA = Schema((_as_at_first(CONTACTS),))
"""What those see who name no schema: contacts as they were before apps could bring tables, in this order for ever."""
