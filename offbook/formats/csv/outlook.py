"""What the columns of Outlook's files are: a heading, and the cell of a contact that it stands for.

A cell is written as in a mapping (mapping.py): a field; ``details.phone:Work``; ``details.address.city:Home``, a part
of the address of that label; empty for what says nothing about a person. Labels are kept in English.
"""

from __future__ import annotations

from collections.abc import Mapping

PARTS = {"Street": "street", "Street 2": "street", "Street 3": "street", "City": "city", "State": "region",
         "Postal Code": "postcode", "Country/Region": "country", "Country": "country"}  # fmt: skip
PLACES = {"Business": "Work", "Home": "Home", "Other": "Other"}
OUTLOOK_ADDRESSES = {
    f"{place} {part}": f"details.address.{attribute}:{label}"
    for place, label in PLACES.items()
    for part, attribute in PARTS.items()
} | {
    f"{place} Address{suffix}": f"details.address.{attribute}:{label}"
    for place, label in PLACES.items()
    for suffix, attribute in (("", "value"), (" PO Box", "po_box"))
}
OUTLOOK = OUTLOOK_ADDRESSES | {
    "Title": "prefix",
    "First Name": "given_name",
    "Middle Name": "middle_name",
    "Last Name": "family_name",
    "Suffix": "suffix",
    "Nickname": "nickname",
    "Given Yomi": "phonetic_given",
    "Surname Yomi": "phonetic_family",
    "Company Yomi": "details.custom:Company Yomi",
    "Company": "company",
    "Department": "department",
    "Job Title": "title",
    "E-mail Address": "details.email",
    "E-mail 2 Address": "details.email",
    "E-mail 3 Address": "details.email",
    **dict.fromkeys([f"E-mail {number}{what}" for number in ("", "2 ", "3 ") for what in ("Type", "Display Name")], ""),
    "Primary Phone": "details.phone:Main",
    "Home Phone": "details.phone:Home",
    "Home Phone 2": "details.phone:Home",
    "Business Phone": "details.phone:Work",
    "Business Phone 2": "details.phone:Work",
    "Mobile Phone": "details.phone:Mobile",
    "Mobile Phone 2": "details.phone:Mobile",
    "Company Main Phone": "details.phone:Company",
    "Assistant's Phone": "details.phone:Assistant",
    "Car Phone": "details.phone:Car",
    "Other Phone": "details.phone:Other",
    "Radio Phone": "details.phone:Radio",
    "Callback": "details.phone:Callback",
    "TTY/TDD Phone": "details.phone:TTY/TDD",
    "Telex": "details.phone:Telex",
    "ISDN": "details.phone:ISDN",
    "Pager": "details.phone:Pager",
    "Business Fax": "details.phone:Work Fax",
    "Home Fax": "details.phone:Home Fax",
    "Other Fax": "details.phone:Other Fax",
    "IMAddress": "details.im",
    "Web Page": "details.url",
    "Personal Web Page": "details.url:Home",
    "Birthday": "birthday",
    "Anniversary": "details.date:Anniversary",
    "Spouse": "details.relation:Spouse",
    "Children": "details.relation:Child",
    "Manager's Name": "details.relation:Manager",
    "Assistant's Name": "details.relation:Assistant",
    "Notes": "notes",
    "Categories": "details.group",
    **{
        heading: f"details.custom:{heading}"
        for heading in (
            *("Office Location", "Profession", "Hobby", "Schools", "Location", "Initials", "Language", "Account"),
            *("Government ID Number", "Organizational ID Number", "Referred By", "Billing Information", "Mileage"),
            *("Directory Server", "Internet Free Busy", "Keywords", "User 1", "User 2", "User 3", "User 4"),
            *("Gender", "Priority", "Private", "Sensitivity"),
        )
    },
}
"""Outlook.com's, Outlook's for Windows, and what Google calls its CSV for Outlook."""

DEFAULTS: Mapping[str, frozenset[str]] = {
    "Gender": frozenset({"unspecified", "keine angabe", "non spécifié", "indéterminé", "sin especificar"}),
    "Priority": frozenset({"normal", "normale", "mittel"}),
    "Sensitivity": frozenset({"normal", "normale"}),
    "Private": frozenset({"false", "off", "falsch", "aus", "faux", "désactivé", "falso", "desactivado"}),
}
"""What Outlook writes into these columns of everybody, which says nothing."""
