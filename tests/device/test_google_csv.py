"""Google's CSV: what is read, what is refused, and that an export reads back as what was exported."""

from __future__ import annotations

import csv
import io
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offbook.contacts.table import CONTACTS, FIRST_FIELDS
from offbook.core.cells.validation import parse_cells
from offbook.core.errors import Malformed
from offbook.core.model import Operation
from offbook.core.schema import ENTRY_KEY
from offbook.formats.google_csv.columns import GROUPS, OWN_ID, PHONETIC
from offbook.formats.google_csv.reading import Contact
from offbook.formats.google_csv.writing import write
from tests.support.google_files import ParsedFile, decode, read

DATA = Path(__file__).parents[3] / "shared" / "data"
REAL = DATA / "legislators-google.csv"
REAL_JSON = DATA / "legislators.jsonl"
needs_real_files = pytest.mark.skipif(
    not (REAL.exists() and REAL_JSON.exists()), reason=f"the real address book is not at {DATA}"
)

ADDRESS_PARTS = ("street", "city", "region", "postcode", "country")


def table(*rows: Mapping[str, str], delimiter: str = ",") -> str:
    """A CSV of these rows, with every column that one of them names."""
    out = io.StringIO(newline="")
    header = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(out, header, restval="", delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def one(**cells: str) -> Contact:
    """The contact that a row with these cells is. ``Phone_1__Value`` stands for ``Phone 1 - Value``."""
    return only({name.replace("__", " - ").replace("_", " "): text for name, text in cells.items()})


def only(row: Mapping[str, str]) -> Contact:
    found = read(table({"Labels": "", **row}))
    assert found.problems == []
    assert len(found.contacts) == 1
    return found.contacts[0]


def details(contact: Contact, kind: str) -> list[tuple[str | None, str | None]]:
    """Label and value of the details of a kind, in order."""
    found = [entry for entry in contact["details"].values() if entry["kind"] == kind]
    return [(entry.get("label"), entry.get("value")) for entry in sorted(found, key=lambda entry: entry["position"])]


# --- reading ---------------------------------------------------------------------------------------------------------


def test_each_column_of_a_contact_itself_goes_to_its_field() -> None:
    contact = one(
        First_Name="Ada", Middle_Name="Augusta", Last_Name="King", Name_Prefix="Lady", Name_Suffix="I", Nickname="Aug",
        File_As="Ada Lovelace", Organization_Name="Engines", Organization_Title="Analyst",
        Organization_Department="R&D", Birthday="1815-12-10", Notes="first\nprogrammer",
    )  # fmt: skip
    assert {name: value for name, value in contact.items() if value} == {
        "id": contact["id"], "name": "Ada Lovelace", "given_name": "Ada", "middle_name": "Augusta",
        "family_name": "King", "prefix": "Lady", "suffix": "I", "nickname": "Aug", "file_as": "Ada Lovelace",
        "company": "Engines", "title": "Analyst", "department": "R&D", "birthday": "1815-12-10",
        "notes": "first\nprogrammer",
    }  # fmt: skip


def test_a_contact_has_every_field_of_the_table_and_an_id() -> None:
    assert one(First_Name="Ada").keys() == {*CONTACTS.by_name, "details", "id"}


def test_the_first_of_a_kind_is_the_contacts_own_and_the_others_are_details() -> None:
    contact = one(
        E_mail_1__Value="", Phone_1__Label="Work", Phone_1__Value="1", Phone_2__Label="Boat", Phone_2__Value="2",
        Phone_10__Value="3", Website_1__Value="https://a.example", Website_2__Value="https://b.example",
    )  # fmt: skip
    assert (contact["phone"], contact["phone_label"]) == ("1", "Work")
    assert details(contact, "phone") == [("Boat", "2"), (None, "3")]
    assert contact["website"] == "https://a.example"
    assert contact["details"]["url-2"] == {"kind": "url", "value": "https://b.example", "position": 2}
    assert list(contact["details"]) == ["phone-2", "phone-3", "url-2"]


def test_several_values_in_one_cell_share_its_label() -> None:
    contact = only({"E-mail 1 - Label": "* Work", "E-mail 1 - Value": "a@x.example ::: b@x.example"})
    assert (contact["email"], contact["email_label"]) == ("a@x.example", "Work")
    assert details(contact, "email") == [("Work", "b@x.example")]


def test_several_addresses_in_one_set_of_cells_are_taken_apart_part_by_part() -> None:
    contact = one(Address_1__Label="Home", Address_1__Street="1 A St ::: 2 B St", Address_1__City="Alba :::Berta ::: ")
    assert details(contact, "address") == [("Home", None), ("Home", None)]
    parts = [(entry["street"], entry.get("city")) for entry in contact["details"].values()]
    assert parts == [("1 A St", "Alba :::Berta"), ("2 B St", None)]


def test_cells_that_do_not_come_apart_alike_stay_whole() -> None:
    contact = one(Address_1__Street="1 A St ::: 2 B St", Address_1__City="Alba ::: Berta ::: Cara")
    assert contact["details"]["address-1"]["city"] == "Alba ::: Berta ::: Cara"


def test_a_label_without_a_value_is_kept() -> None:
    contact = one(Website_1__Label="Work", Phone_2__Label="Boat")
    assert (contact["website"], contact["website_label"]) == (None, "Work")
    assert details(contact, "phone") == [("Boat", None)]


def test_an_address_keeps_its_parts() -> None:
    contact = only({
        "Address 1 - Label": "Home", "Address 1 - Formatted": "1 A St\nAlba\nPO Box 7", "Address 1 - Street": "1 A St",
        "Address 1 - City": "Alba", "Address 1 - Region": "R", "Address 1 - Postal Code": "00123",
        "Address 1 - Country": "UK", "Address 1 - PO Box": "7",
    })  # fmt: skip
    assert contact["details"]["address-1"] == {
        "kind": "address", "label": "Home", "value": "1 A St\nAlba\nPO Box 7", "position": 1,
        "street": "1 A St", "city": "Alba", "region": "R", "postcode": "00123", "country": "UK", "po_box": "7",
    }  # fmt: skip


def test_labels_are_groups_and_the_star_is_a_flag() -> None:
    contact = one(Labels="Friends ::: * myContacts ::: * starred")
    assert contact["starred"] is True
    assert details(contact, "group") == [(None, "Friends")]


@pytest.mark.parametrize(
    ("labels", "id_of_before"),
    [
        ("* myContacts", "7b725116-1375-5ea2-abb4-49e42f4cad6b"),
        ("Friends ::: * myContacts", "a7ccc487-b179-501b-95e8-c49eeb54e006"),
        ("* myContacts ::: Friends ::: * starred", "2fcecdcd-7dc3-5443-96b9-2f4266f9c982"),
    ],
)
def test_googles_own_group_is_read_for_what_it_means_and_ids_stay_what_they_were(
    labels: str, id_of_before: str
) -> None:
    """Earlier versions kept it as a group: the same file still adds nothing, and what they kept is written as it is."""
    contact = one(First_Name="Ada", Labels=labels)
    assert contact["id"] == id_of_before
    assert "* myContacts" not in str(contact)
    text = write([contact])
    assert OWN_ID not in text
    assert read(text).contacts == [contact]
    details_of_before = {**contact["details"], "group-9": {"kind": "group", "value": "* myContacts", "position": 9}}
    (again,) = read(write([{**contact, "details": details_of_before}])).contacts
    assert (again["id"], "* myContacts" in str(again)) == (contact["id"], True)


def test_events_relations_and_custom_fields_are_details() -> None:
    contact = one(
        Event_1__Label="Anniversary", Event_1__Value="1835-07-08", Custom_Field_1__Label="Legacy ID",
        Custom_Field_1__Value="42", Relation_1__Label="Spouse", Relation_1__Value="William King",
    )  # fmt: skip
    assert details(contact, "date") == [("Anniversary", "1835-07-08")]
    assert details(contact, "custom") == [("Legacy ID", "42")]
    assert details(contact, "relation") == [("Spouse", "William King")]


def test_a_column_that_offbook_has_no_field_for_becomes_a_custom_detail() -> None:
    contact = only(
        {"Photo": "https://p.example", "Phonetic First Name": "Ay-da", "IM 1 - Value": "ada", "Nonsense": "x"}
    )
    assert contact["phonetic_given"] == "Ay-da"
    assert set(details(contact, "custom")) == {
        ("Photo", "https://p.example"), ("IM 1 - Value", "ada"), ("Nonsense", "x"),
    }  # fmt: skip


def test_a_second_column_for_the_same_thing_is_not_dropped() -> None:
    contact = only({"First Name": "Ada", "Given Name": "Augusta"})
    assert contact["given_name"] == "Ada"
    assert details(contact, "custom") == [("Given Name", "Augusta")]


@pytest.mark.parametrize(
    ("text", "birthday", "custom"),
    [
        (" --04-15", "--04-15", []),
        ("--02-29", "--02-29", []),
        ("1815-02-29", None, [("Birthday", "1815-02-29")]),
        ("10 December", None, [("Birthday", "10 December")]),
    ],
)
def test_a_birthday_that_is_no_date_is_kept_as_it_was_typed(text: str, birthday: str | None, custom: list[Any]) -> None:
    contact = one(Birthday=text)
    assert contact["birthday"] == birthday
    assert details(contact, "custom") == custom


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        ({"File As": "Ada Lovelace", "First Name": "Augusta"}, "Ada Lovelace"),
        ({"File As": "King, Ada", "First Name": "Ada", "Last Name": "King"}, "Ada King"),
        ({"File As": "King, Ada", "First Name": "Augusta"}, "King, Ada"),
        ({"Name Prefix": "Dr.", "First Name": " Ada ", "Last Name": "King", "Name Suffix": "II"}, "Dr. Ada King II"),
        ({"Name": "A. King", "First Name": "Ada"}, "A. King"),
        ({"Organization Name": "Engines", "E-mail 1 - Value": "a@x.example"}, "Engines"),
        ({"E-mail 1 - Value": "a@x.example", "Phone 1 - Value": "1"}, "a@x.example"),
        ({"Phone 1 - Value": "1"}, "1"),
        ({"Phone 2 - Value": "2"}, "2"),
        ({"File As": "  ", "Nickname": "Aug"}, "Aug"),
        ({"Notes": "a note"}, "(no name)"),
        ({"E-mail 1 - Value": "e" * 320}, "e" * 300),
    ],
)
def test_a_contact_always_has_a_name(cells: dict[str, str], name: str) -> None:
    assert only(cells)["name"] == name


def test_the_older_form_reads_as_the_same_contact() -> None:
    older = {
        "Name": "Ada King", "Given Name": "Ada", "Additional Name": "A.", "Family Name": "King",
        "Group Membership": "Friends ::: * myContacts", "E-mail 1 - Type": "* Home", "E-mail 1 - Value": "a@x.example",
        "Organization 1 - Name": "Engines", "Organization 1 - Title": "Analyst", "Organization 1 - Department": "R",
        "Website 1 - Type": "Blog", "Website 1 - Value": "https://a.example", "Gender": "female",
    }  # fmt: skip
    newer = {
        "First Name": "Ada", "Middle Name": "A.", "Last Name": "King", "Labels": "Friends ::: * myContacts",
        "E-mail 1 - Label": "Home", "E-mail 1 - Value": "a@x.example", "Organization Name": "Engines",
        "Organization Title": "Analyst", "Organization Department": "R", "Website 1 - Label": "Blog",
        "Website 1 - Value": "https://a.example", "Custom Field 1 - Label": "Gender",
        "Custom Field 1 - Value": "female", "Name": "Ada King",
    }  # fmt: skip
    assert read(table(older)) == read(table(newer))


def test_the_older_form_is_known_by_google_and_not_by_most_of_its_columns() -> None:
    rare = "Yomi Name,Initials,Gender,Location,Mileage,Occupation,Hobby,Sensitivity,Priority,Subject"
    text = f"Name,Given Name,{rare},Group Membership\nMom,Mom,,,,,,,,,,,* myContacts\n"
    contact = read(text).contacts[0]
    assert (contact["name"], contact["given_name"]) == ("Mom", "Mom")


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_as_spreadsheets_save_them_are_read(delimiter: str, encoding: str) -> None:
    text = '"First Name";"Last Name"\r\n"Zoë";"O\'Brien; née ""Z"""\r\n'.replace(";", delimiter)
    contact = read(decode(text.encode(encoding))).contacts[0]
    assert (contact["given_name"], contact["family_name"]) == ("Zoë", f'O\'Brien{delimiter} née "Z"')


def test_a_byte_order_mark_in_front_is_no_part_of_a_name() -> None:
    assert read("\ufeffFirst Name,Last Name\nAda,King\n").contacts[0]["given_name"] == "Ada"


@pytest.mark.parametrize(
    "text",
    ["", "\n", "Name,Email,Phone\nAda,a@x.example,1\n", "BEGIN:VCARD\nFN:Ada\nEND:VCARD\n", '{"name": "Ada"}', '"'],
)
def test_another_file_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(Malformed, match="not a file of Google Contacts.*choose Export") as caught:
        read(text)
    assert caught.value.code == "not_google_csv"


def test_outlooks_export_is_not_taken_for_googles() -> None:
    with pytest.raises(Malformed):
        read("First Name,Middle Name,Last Name,Title,Suffix,Company,E-mail Address,Home Phone,Fax\nAda,,King,,,,,,\n")


def test_a_row_that_is_not_utf8_is_read_in_windows_code_page() -> None:
    contacts = read(decode(b"First Name\r\nZo\xeb\r\n" + "Größ\r\n".encode())).contacts
    assert [contact["given_name"] for contact in contacts] == ["Zoë", "Größ"]


@pytest.mark.parametrize("rest", ['Ada,"King"dom\n', f"Ada,{'x' * (2**20 + 1)}\n"])
def test_a_broken_file_is_refused_whole_and_names_the_line(rest: str) -> None:
    with pytest.raises(Malformed, match=r"near line \d"):
        read(f"First Name,Last Name\n{rest}")


WHOLE_FILE = (
    "First Name,Last Name,Phone 1 - Value,Notes,Labels\r\n"
    'Ada,King,555-1234,"born ""Byron"",\r\nmarried",\r\n'
    ",,555-9,,\r\n"
    "Zoë,O'Brien,555-8888,née 𐐷,\r\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_that_was_cut_anywhere_yields_whole_contacts_or_is_refused(encoding: str) -> None:
    data, whole = WHOLE_FILE.encode(encoding), read(WHOLE_FILE).contacts
    complete = set()
    for length in range(1, len(data)):
        try:
            taken = read(decode(data[:length]))
        except Malformed:
            continue
        assert taken == ParsedFile(whole[: len(taken.contacts)], [])
        complete.add(len(taken.contacts))
    assert complete == {0, 1, 2, 3}


@pytest.mark.parametrize(
    "end", ["Lee", "Lee,Bo", "Lee,Bo,555", ",,", "\0\0\0", 'Lee,"Bo', 'Lee,"Bo\n', 'Lee,Bo,5,"a""']
)
def test_a_file_that_ends_in_the_middle_of_a_row_is_refused_and_says_where(end: str) -> None:
    with pytest.raises(Malformed, match=r"cut off.*row 3") as caught:
        read(f"First Name,Last Name,Phone 1 - Value,Notes\nAda,King,555-1234,\n{end}")
    assert caught.value.code == "cut_off"


@pytest.mark.parametrize("end", ["Lee,Bo,5,", "Lee,Bo,5,kind", "Lee,Bo\n", "Lee,Bo\r", "\n", "  "])
def test_a_last_row_that_is_whole_needs_no_line_break(end: str) -> None:
    taken = read(f"First Name,Last Name,Phone 1 - Value,Notes\nAda,King,555-1234,\n{end}")
    assert [contact["given_name"] for contact in taken.contacts] == ["Ada", "Lee"][: 1 + end.startswith("Lee")]


def test_a_file_that_ends_in_its_header_is_refused() -> None:
    with pytest.raises(Malformed, match=r"cut off.*row 1"):
        read("First Name,Last Name,Phone 1 - Val")


@pytest.mark.parametrize(("encoding", "cut"), [("utf-8", 1), ("utf-16", 1), ("utf-16", 2)])
def test_a_file_that_ends_in_the_middle_of_a_character_is_refused_as_cut_off(encoding: str, cut: int) -> None:
    with pytest.raises(Malformed, match="middle of a character.*cut off") as caught:
        decode("First Name\nAda 𐐷".encode(encoding)[:-cut])
    assert caught.value.code == "cut_off"


def test_rows_that_cannot_be_taken_are_named_and_the_others_are_read() -> None:
    rows = [{"First Name": "Ada"}, {"Phone 2 - Value": "2" * 65537}, {}, {"Notes": "a\0b"}, {"First Name": "Bo"}]
    found = read(table(*rows))
    assert [contact["name"] for contact in found.contacts] == ["Ada", "Bo"]
    assert [problem.row for problem in found.problems] == [3, 5]
    assert "65537 characters, and 65536 is the most" in found.problems[0].detail
    assert "NUL" in found.problems[1].detail


def test_a_row_longer_than_the_header_is_a_problem() -> None:
    found = read("First Name,Last Name\nAda,King,,\nLee, Bo,Jr.\n")
    assert [contact["name"] for contact in found.contacts] == ["Ada King"]
    assert [problem.row for problem in found.problems] == [3]


def test_a_contact_with_too_many_details_is_a_problem() -> None:
    found = read(table({"Labels": " ::: ".join(map(str, range(501)))}))
    assert "501 details, and 500 is the most" in found.problems[0].detail


# --- ids -------------------------------------------------------------------------------------------------------------


def test_ids_stay_what_they_were() -> None:
    """Another id here, and every file that anybody imported before comes in once more."""
    contact = one(First_Name="Zoë", Phone_1__Label="Work", Phone_1__Value="1", Labels="Friends", Address_1__City="Alba")
    assert contact["id"] == "a5957cf4-0942-5e6c-a818-04f52f709f42"


def test_ids_stay_what_they_were_where_offbook_has_learnt_of_a_column_since() -> None:
    contact = only({
        "First Name": "Ada", "Phonetic First Name": "Ay-da", "Address 1 - Street": "1 A St", "Address 1 - PO Box": "7",
        "Address 2 - City": "Rome", "Address 2 - Extended Address": "Flat 1", "Relation 1 - Label": "Spouse",
        "Relation 1 - Value": "William",
    })  # fmt: skip
    assert contact["id"] == "b36878ac-bb7d-53a6-8220-4b67d06eec2e"
    assert (contact["phonetic_given"], contact["details"].keys()) == ("Ay-da", {"address-1", "address-2", "relation-1"})
    assert contact["details"]["address-2"]["extended"] == "Flat 1"


@needs_real_files
def test_ids_of_a_whole_file_stay_what_they_were() -> None:
    ids = "".join(contact["id"] for contact in read(REAL.read_text()).contacts)
    assert sha256(ids.encode()).hexdigest() == "dc0186ca20b8b43e4ec14a8095e36727181a36e2e3c4972f37b88685b07e9e84"


def test_a_row_that_stands_twice_is_one_contact() -> None:
    row = {"First Name": "Ada", "Phone 1 - Value": "1"}
    found = read(table(row, row, {**row, "Notes": "another"}))
    assert len(found.contacts) == 2
    assert found.problems == []


def test_the_order_of_columns_does_not_make_another_contact() -> None:
    row = {"First Name": "Ada", "Address 1 - City": "Alba", "Address 1 - Street": "1 A St", "Photo": "p", "Labels": "x"}
    assert only(row) == only(dict(reversed(row.items())))


def test_an_export_keeps_the_id_of_a_contact_that_was_edited_since() -> None:
    imported = one(First_Name="Ada")
    edited = imported | {"phone": "555-1"}
    assert read(write([edited])).contacts == [edited]


def test_two_rows_that_claim_one_id_are_not_mixed() -> None:
    imported = one(First_Name="Ada")
    edited = imported | {"phone": "555-1"}
    found = read(write([edited, {**imported, "id": edited["id"], "phone": "555-2"}]))
    assert found.contacts == [edited]
    assert [problem.row for problem in found.problems] == [3]


def test_an_id_that_is_none_is_kept_as_a_custom_detail() -> None:
    assert details(only({"First Name": "Ada", "Offbook ID": "me"}), "custom") == [("Offbook ID", "me")]


# --- writing ---------------------------------------------------------------------------------------------------------


def row_of(contact: Mapping[str, Any]) -> dict[str, str]:
    """The cells of the contact's row that are not empty."""
    (row,) = csv.DictReader(io.StringIO(write([dict(contact)]), newline=""))
    return {header: text for header, text in row.items() if text}


def test_a_contact_from_google_goes_back_to_googles_own_columns() -> None:
    row = {
        "First Name": "Ada", "Phonetic First Name": "Ay-da", "Photo": "https://p.example",
        "Labels": "* starred ::: Friends", "E-mail 1 - Label": "Home", "E-mail 1 - Value": "a@x.example",
        "Phone 1 - Value": "1", "Phone 2 - Label": "Boat", "Phone 2 - Value": "2", "Address 1 - Formatted": "1 A St",
        "Address 1 - Street": "1 A St", "Address 1 - PO Box": "7", "Address 1 - Extended Address": "Flat 1",
        "Relation 1 - Label": "Spouse", "Relation 1 - Value": "William", "Website 1 - Label": "Blog",
        "Website 1 - Value": "https://a.example", "Event 1 - Value": "1835-07-08",
        "Custom Field 1 - Label": "Legacy ID", "Custom Field 1 - Value": "42", "Birthday": "1815-12-10",
    }  # fmt: skip
    assert row_of(only(row)) == row


def test_the_header_is_googles() -> None:
    contact = only({"First Name": "Ada", "Phone 2 - Value": "2", "Address 1 - City": "Alba"})
    assert write([contact]).splitlines()[0] == (
        "First Name,Middle Name,Last Name,Phonetic First Name,Phonetic Middle Name,Phonetic Last Name,Name Prefix,"
        "Name Suffix,Nickname,File As,Organization Name,Organization Title,Organization Department,Birthday,Notes,"
        "Photo,Labels,Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value,Address 1 - Label,"
        "Address 1 - Formatted,Address 1 - Street,Address 1 - City,Address 1 - PO Box,Address 1 - Region,"
        "Address 1 - Postal Code,Address 1 - Country,Address 1 - Extended Address"
    )


def test_a_name_without_parts_is_one_that_google_shows() -> None:
    assert row_of({"name": "Ada King"}) == {"First Name": "Ada King", "Offbook Name": "whole"}
    assert read(write([{"name": "Ada King"}])).contacts[0]["given_name"] is None


def test_a_name_that_does_not_follow_from_its_parts_is_told() -> None:
    assert row_of({"name": "Ada", "family_name": "King"}) == {"Name": "Ada", "Last Name": "King"}


def test_details_go_out_in_their_order_whatever_their_keys_are() -> None:
    numbers = {"k9": "a", "k10": "b", "k1": "c"}
    entries = {key: {"kind": "phone", "value": text, "position": n} for n, (key, text) in enumerate(numbers.items())}
    row = row_of({"name": "Ada", "phone": "0", "details": entries})
    assert [row[f"Phone {number} - Value"] for number in (1, 2, 3, 4)] == ["0", "a", "b", "c"]


def test_formulas_are_left_as_they_are() -> None:
    assert row_of({"name": "Ada", "notes": "=1+1"})["Notes"] == "=1+1"


def test_no_contacts_make_a_file_that_reads_as_none() -> None:
    assert read(write([])) == ParsedFile([], [])


# --- an export reads back as what was exported -----------------------------------------------------------------------

TRICKY = [
    " ::: ", ":::", "a ::: b", "a :::: b", " :::\n:::", "* starred", "* ", "* * Home", "Photo", "Spouse", "whole",
    "Address 1 - PO Box", "Birthday", "=1+1", '"', ",", "\r", "a\r\nb", "\ufeff", " x ", "'", ";", "\t",
]  # fmt: skip
LETTERS = st.sampled_from(': a,"\n\r;*-=é山😀') | st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.sampled_from(TRICKY) | st.text(LETTERS, max_size=9)


def entries(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    learnt = ("po_box", "extended") if kind == "address" else ()
    optional = {name: TEXTS | st.none() for name in ("label", "value", *ADDRESS_PARTS, *learnt)}
    return st.fixed_dictionaries({"kind": st.just(kind)}, optional={**optional, "position": st.integers(-3, 9)})


TEXT_FIELDS = [name for name in (*FIRST_FIELDS, *PHONETIC.values()) if name not in ("name", "starred", "birthday")]

CONTACT = st.fixed_dictionaries(
    {
        "id": st.uuids().map(str),
        "name": TEXTS.filter(str.strip),
        "starred": st.booleans(),
        "details": st.dictionaries(
            st.from_regex(ENTRY_KEY, fullmatch=True), st.sampled_from(list(GROUPS)).flatmap(entries), max_size=6
        ),
    },
    optional={
        "birthday": st.sampled_from(["1815-12-10", "--02-29"]),
        **{name: TEXTS | st.none() for name in TEXT_FIELDS},
    },
)


def said(contact: Contact) -> dict[str, Any]:
    """What a contact says: without keys of details and numbers of positions, and without what is empty."""
    entries = [
        tuple(sorted((name, value) for name, value in entry.items() if value and name != "position"))
        for entry in contact["details"].values()
    ]
    fields = {name: value for name, value in contact.items() if value and name != "details"}
    return fields | {"details": Counter(entry for entry in entries if len(entry) > 1)}


def in_order(contact: Contact, kind: str) -> list[str]:
    keyed = sorted(contact["details"].items(), key=lambda item: (item[1].get("position") or 0, item[0]))
    return [entry["value"] for _, entry in keyed if entry["kind"] == kind and entry.get("value")]


@given(st.lists(CONTACT, max_size=3, unique_by=lambda contact: contact["id"]))
def test_any_contacts_are_read_back_as_they_were_written(contacts: list[Contact]) -> None:
    found = read(write(contacts))
    assert found.problems == []
    assert [said(contact) for contact in found.contacts] == [said(contact) for contact in contacts]
    for contact, again in zip(contacts, found.contacts, strict=True):
        for kind in ("email", "phone", "url", "address", "date"):
            assert in_order(again, kind) == in_order(contact, kind)


@given(st.lists(CONTACT, max_size=3, unique_by=lambda contact: contact["id"]))
def test_what_was_read_once_reads_the_same_ever_after(contacts: list[Contact]) -> None:
    found = read(write(contacts))
    assert read(write(found.contacts)) == found


HEADERS = [
    "First Name", "Given Name", "Last Name", "Name", "File As", "Birthday", "Notes", "Photo", "Labels",
    "Group Membership", "Phone 1 - Label", "Phone 1 - Value", "Phone 1 - Street", "Phone 3 - Value", "E-mail 2 - Type",
    "E-mail 2 - Value", "Address 2 - Formatted", "Address 2 - Street", "Address 2 - PO Box", "Relation 1 - Label",
    "Relation 1 - Value", "Custom Field 1 - Label", "Custom Field 1 - Value", "Custom Field 2 - Value", "Spouse",
    "Offbook Name", "Offbook ID", "Gender", "Organization 2 - Name", "", "Event 1 - Value", "Group 1 - Value",
]  # fmt: skip
CELLS = st.sampled_from(["", "", "x", " ", "Photo", "Spouse", "whole"]) | TEXTS


@st.composite
def files(draw: st.DrawFn) -> str:
    header = ["Labels", *draw(st.lists(st.sampled_from(HEADERS), max_size=12))]
    rows = draw(st.lists(st.lists(CELLS, min_size=len(header), max_size=len(header)), max_size=3))
    out = io.StringIO(newline="")
    csv.writer(out).writerows([header, *rows])
    return out.getvalue()


@given(files())
@example("Labels,Custom Field 1 - Label,Custom Field 1 - Value,Photo\n,Photo,a,b\n")
def test_any_file_that_was_read_is_exported_as_the_same_contacts(text: str) -> None:
    found = read(text)
    assert read(write(found.contacts)) == ParsedFile(found.contacts, [])
    for contact in found.contacts:
        parse_cells(CONTACTS, contact, Operation.INSERT)
        assert UUID(contact["id"]).version in (5, None) or contact["id"] in text
        assert all(map(ENTRY_KEY.fullmatch, contact["details"]))


# --- the real address book -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> str:
    return decode(REAL.read_bytes())


@needs_real_files
def test_the_real_file_is_read_whole(real: str) -> None:
    found = read(real)
    assert found.problems == []
    assert len(found.contacts) == len({contact["id"] for contact in found.contacts}) == 537


@needs_real_files
def test_no_cell_of_the_real_file_is_lost(real: str) -> None:
    rows = csv.DictReader(io.StringIO(real, newline=""))
    for row, contact in zip(rows, read(real).contacts, strict=True):
        cells = Counter(text for cell in row.values() for text in cell.split(" ::: ") if text)
        del cells["* myContacts"]  # Google's own group of all contacts, which the export names again
        held = Counter(values(contact))
        held[contact["name"]] -= 1  # also in file_as: only the file's own cells count
        assert cells <= held, contact["name"]


def values(contact: Contact) -> Iterable[str]:
    plain = [value for name, value in contact.items() if name not in ("id", "details")]
    parts = [value for entry in contact["details"].values() for name, value in entry.items() if name != "kind"]
    return [value for value in plain + parts if isinstance(value, str)]


@needs_real_files
def test_the_real_file_is_exported_as_it_was_imported(real: str) -> None:
    found = read(real)
    text = write(found.contacts)
    assert read(text) == found
    rows, again = (list(csv.DictReader(io.StringIO(file, newline=""))) for file in (real, text))
    full = [[{name: cell for name, cell in row.items() if cell} for row in file] for file in (rows, again)]
    assert full[0] == full[1]


@needs_real_files
def test_the_real_file_agrees_with_its_source(real: str) -> None:
    people = [json.loads(line) for line in REAL_JSON.read_text("utf-8").splitlines()]
    same = ("name", "given_name", "middle_name", "family_name", "suffix", "nickname", "company", "title", "birthday",
            "phone", "website", "notes")  # fmt: skip
    for contact, person in zip(read(real).contacts, people, strict=True):
        assert [contact[name] or "" for name in same] == [person[name] for name in same]
        offices = person["offices"]
        assert details(contact, "phone") == [(one["label"], one["phone"]) for one in offices if one["phone"]]
        addresses = [("Work", person["address"]), *((one["label"], one["address"]) for one in offices)]
        assert details(contact, "address") == [(label, text) for label, text in addresses if text]


@needs_real_files
def test_the_real_file_takes_twice_as_long_as_half_of_it(real: str) -> None:
    def seconds(text: str) -> float:
        start = time.process_time()
        read(text)
        return time.process_time() - start

    rows, half = list(csv.reader(io.StringIO(real))), io.StringIO()
    csv.writer(half).writerows(rows[: len(rows) // 2])
    pairs = [(seconds(half.getvalue()), seconds(real)) for _ in range(5)]
    assert min(whole for _, whole in pairs) < 3 * min(part for part, _ in pairs), "something became quadratic"
