"""Files of Outlook and Thunderbird: each column goes where it belongs, in each language."""

from __future__ import annotations

import pytest

from offbook.formats.csv.layouts import LAYOUTS
from offbook.formats.csv.mapping import parse_target
from offbook.formats.csv.outlook import OUTLOOK
from offbook.formats.csv.outlook_languages import DE, ES, FR
from offbook.formats.csv.proposing import propose
from offbook.formats.registry import FORMATS, recognize
from tests.formats.csv_files import details, filled, read, read_one, table, told

ENGLISH = {
    "Title": "Dr.", "First Name": "Ada", "Middle Name": "A.", "Last Name": "King", "Suffix": "Jr.",
    "Company": "Engines", "Department": "R&D", "Job Title": "Analyst", "Business Street": "1 A St",
    "Business Street 2": "Floor 2",
    "Business Street 3": "Room 3", "Business City": "Alba", "Business State": "R", "Business Postal Code": "00123",
    "Business Country": "UK", "Home Street": "2 B St", "Home City": "Berta", "Business Fax": "10",
    "Business Phone": "11", "Business Phone 2": "12", "Home Phone": "13", "Mobile Phone": "14", "Primary Phone": "15",
    "Pager": "16",
    "E-mail Address": "a@x.example", "E-mail Type": "SMTP", "E-mail Display Name": "Ada (a@x.example)",
    "E-mail 2 Address": "b@x.example", "Birthday": "2/13/1980", "Anniversary": "0/0/00", "Categories": "Friends;Chess",
    "Spouse": "William", "Web Page": "https://x.example", "Notes": "n", "Gender": "Unspecified", "Priority": "Normal",
    "Sensitivity": "Confidential", "Private": "False",
}  # fmt: skip
FIELDS = {
    "name": "Dr. Ada A. King Jr.", "given_name": "Ada", "middle_name": "A.", "family_name": "King", "prefix": "Dr.",
    "suffix": "Jr.", "company": "Engines", "department": "R&D", "title": "Analyst", "birthday": "1980-02-13",
    "email": "a@x.example", "phone": "10", "phone_label": "Work Fax", "website": "https://x.example", "notes": "n",
}  # fmt: skip
DETAILS = [
    ("address", "Work", "1 A St\nFloor 2\nRoom 3", "Alba", "R", "00123", "UK"),
    ("address", "Home", "2 B St", "Berta"),
    ("phone", "Work", "11"),
    ("phone", "Work", "12"),
    ("phone", "Home", "13"),
    ("phone", "Mobile", "14"),
    ("phone", "Main", "15"),
    ("phone", "Pager", "16"),
    ("email", "", "b@x.example"),
    ("group", "", "Friends"),
    ("group", "", "Chess"),
    ("relation", "Spouse", "William"),
    ("custom", "Sensitivity", "Confidential"),
]


def test_each_column_of_outlook_goes_to_its_place() -> None:
    contact = read_one(ENGLISH)
    assert filled(contact) == FIELDS
    assert details(contact) == DETAILS
    assert recognize(table(ENGLISH)) is FORMATS["outlook"]


@pytest.mark.parametrize("language", [DE, FR, ES], ids=["DE", "FR", "ES"])
def test_outlook_is_read_alike_in_each_language(language: dict[str, str]) -> None:
    """Headings that it does not translate stay English in its files."""
    headings: dict[str, str] = {}
    for heading, english in language.items():
        headings.setdefault(english, heading)
    row = {headings.get(english, english): text for english, text in ENGLISH.items()}
    data = table(row).replace(b"Titre (2)", b"Titre")  # a heading that stands twice
    for encoded in (data, data.decode().encode("cp1252"), data.decode().encode("utf-16")):
        assert recognize(encoded) is FORMATS["outlook"]
        (found,) = read(encoded)
        assert found.problems == ()
        assert found.contact
        assert filled(found.contact) == FIELDS
        assert details(found.contact) == DETAILS


GERMAN = [
    "Anrede;Vorname;Weitere Vornamen;Nachname;Suffix;Firma;Abteilung;Position;Straße geschäftlich;",
    "Straße geschäftlich 2;Straße geschäftlich 3;Ort geschäftlich;Region geschäftlich;",
    "Postleitzahl geschäftlich;Land/Region geschäftlich;Straße privat;Ort privat;",
    "Bundesland/Kanton privat;Postleitzahl privat;Land/Region privat;Weitere Straße;Weiterer Ort;",
    "Weiteres/r Bundesland/Kanton;Weitere Postleitzahl;Weiteres/e Land/Region;Telefon Assistent;",
    "Fax geschäftlich;Telefon geschäftlich;Telefon geschäftlich 2;Rückmeldung;Autotelefon;Telefon Firma;",
    "Fax privat;Telefon (privat);Telefon (privat 2);ISDN;Mobiltelefon;Weiteres Fax;Weiteres Telefon;",
    "Pager;Haupttelefon;Telefon für Hörbehinderte;Telex;Abrechnungsinformation;Benutzer 1;Beruf;Büro;",
    "E-Mail-Adresse;E-Mail-Typ;E-Mail: Angezeigter Name;E-Mail 2: Adresse;E-Mail 2: Typ;",
    "E-Mail 2: Angezeigter Name;Empfohlen von;Geburtstag;Geschlecht;Hobby;Initialen;",
    "Internet-Frei/Gebucht;Jahrestag;Kategorien;Kinder;Konto;Name Assistent;Name des/der Vorgesetzten;",
    "Notizen;Organisationsnr.;Ort;Partner;Postfach geschäftlich;Postfach privat;Priorität;Privat;",
    "Regierungsnr.;Reisekilometer;Sprache;Stichwörter;Vertraulichkeit;Verzeichnisserver;Webseite",
]


def test_a_real_header_of_german_outlook_is_understood_whole() -> None:
    mapping = propose("".join(GERMAN).split(";"), ())
    assert mapping.layout == "outlook"
    unknown = [column for column, cell in mapping.cells.items() if cell == f"details.custom:{column}"]
    assert unknown == ["Hobby"]


def test_a_date_of_german_outlook_has_its_day_first() -> None:
    row = {"Vorname": "Ada", "E-Mail-Adresse": "a@x.example", "Geburtstag": "3.4.1980", "Jahrestag": "05/06/2001"}
    contact = read_one(row)
    assert contact["birthday"] == "1980-04-03"
    assert details(contact) == [("date", "Anniversary", "2001-06-05")]


def test_googles_csv_for_outlook_has_whole_addresses() -> None:
    contact = read_one({
        "First Name": "Ada", "E-mail Address": "a@x.example", "Home Address": "1 A St\nAlba", "Home Street": "1 A St",
        "Home City": "Alba", "Home Address PO Box": "7", "Categories": "* myContacts;Friends;* starred",
    })  # fmt: skip
    assert contact["starred"] is True
    assert details(contact) == [("address", "Home", "1 A St\nAlba", "1 A St", "Alba", "7"), ("group", "", "Friends")]


THUNDERBIRD = {
    "First Name": "Theo", "Last Name": "Bird", "Display Name": "T. Bird", "Nickname": "T",
    "Primary Email": "t@x.example", "Secondary Email": "u@x.example", "Screen Name": "theo", "Work Phone": "1",
    "Home Phone": "2", "Fax Number": "3",
    "Pager Number": "4", "Mobile Number": "5", "Home Address": "1 A St", "Home Address 2": "Flat 2",
    "Home City": "Alba",    "Home ZipCode": "00123", "Work Address": "9 Z St", "Organization": "Birds", "Web Page 1": "https://w.example",
    "Web Page 2": "https://h.example", "Birth Year": "1980", "Birth Month": "2", "Birth Day": "3", "Custom 1": "c",
    "Notes": "n",
}  # fmt: skip


def test_each_column_of_thunderbird_goes_to_its_place() -> None:
    contact = read_one(THUNDERBIRD)
    assert filled(contact) == {
        "name": "T. Bird", "given_name": "Theo", "family_name": "Bird", "nickname": "T", "email": "t@x.example",
        "phone": "1", "phone_label": "Work", "company": "Birds", "website": "https://w.example",
        "website_label": "Work", "birthday": "1980-02-03", "notes": "n",
    }  # fmt: skip
    assert details(contact) == [
        ("email", "", "u@x.example"), ("im", "", "theo"), ("phone", "Home", "2"), ("phone", "Fax", "3"),
        ("phone", "Pager", "4"), ("phone", "Mobile", "5"), ("address", "Home", "1 A St\nFlat 2", "Alba", "00123"),
        ("address", "Work", "9 Z St"), ("url", "Home", "https://h.example"), ("custom", "Custom 1", "c"),
    ]  # fmt: skip
    assert recognize(table(THUNDERBIRD)) is FORMATS["thunderbird"]


@pytest.mark.parametrize(
    ("year", "month", "day", "birthday", "kept"),
    [
        ("", "2", "29", "--02-29", []),
        ("1980", "02", "03", "1980-02-03", []),
        ("1980", "", "", None, [("custom", "Birth Year", "1980")]),
        ("1981", "2", "29", None, [("custom", f"Birth {part}", text) for part, text in
                                   (("Year", "1981"), ("Month", "2"), ("Day", "29"))]),
    ],
)  # fmt: skip
def test_a_birthday_in_three_columns(
    year: str, month: str, day: str, birthday: str | None, kept: list[tuple[str, ...]]
) -> None:
    parts = {"Birth Year": year, "Birth Month": month, "Birth Day": day}
    data = table({"First Name": "Theo", "Primary Email": "", **parts})
    (found,) = read(data)
    assert found.contact
    assert (found.contact["birthday"], details(found.contact)) == (birthday, kept)
    assert told(data) == [(2, label, "bad_date") for _, label, _ in kept]


def test_every_cell_of_a_layout_is_one() -> None:
    cells = {cell for layout in LAYOUTS for cell in layout.cells.values()} | set(OUTLOOK.values())
    assert [cell for cell in cells if parse_target(cell) is None] == []
    assert {english for language in (DE, FR, ES) for english in language.values()} <= OUTLOOK.keys()
