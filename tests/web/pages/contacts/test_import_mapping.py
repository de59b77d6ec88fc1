"""The columns of a CSV on the page of an import."""

from __future__ import annotations

import html
import io
import json
import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app import App
from tests.support import google_files
from tests.support.browser import Browser, add_user, csrf_of, signed_in
from tests.support.polling import wait_until

pytestmark = pytest.mark.engines("sqlite")

TABLE = "Wer,Büro,Wo,Leer\nAda King,030 1234567,London,\nGrace Hopper,555 0100,Arlington,\n"
ALIKE = "First Name,Last Name,Handy\nAda,King,0170 1234567\n"


def look_at(browser: Browser, text: str) -> TestResponse:
    token = csrf_of(browser.get("/import").text)
    return browser.client.post("/import", data={"csrf_token": token, "file": (io.BytesIO(text.encode()), "people.csv")})


def form_of(page: TestResponse) -> dict[str, str]:
    """What a browser sends of the form: its hidden fields, and what is selected of each column."""
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    for name, options in re.findall(r'<select id="[^"]+" name="([^"]+)"(.*?)</select>', page.text, re.DOTALL):
        (fields[name],) = re.findall(r'<option value="([^"]*)" selected>', options)
    return {name: html.unescape(value) for name, value in fields.items()}


def send(browser: Browser, address: str, page: TestResponse, **changed: str) -> TestResponse:
    fields = form_of(page) | {name.replace("_", "-"): value for name, value in changed.items()}
    return browser.client.post(address, data=fields)


def import_it(browser: Browser, page: TestResponse) -> None:
    answer = send(browser, "/import/confirm", page)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/import/progress")
    wait_until(lambda: "import-progress" not in browser.get("/import/progress").text)


def contacts(browser: Browser) -> list[dict[str, Any]]:
    exported = google_files.read(browser.get("/export.csv").text).contacts
    return [{"name": contact["name"], "phone": contact["phone"]} for contact in exported]


def test_the_columns_of_an_unknown_table_are_shown_changed_and_remembered(ada: Browser) -> None:
    page = look_at(ada, TABLE)
    assert [text in page.text for text in ("import-mapping", "Ada King · Grace Hopper", "1 column without values")] == [
        True
    ] * 3
    assert "import-note" not in page.text
    changed = send(ada, "/import/columns", page, cell_0="name", cell_1="details.phone:Work", cell_2="")
    assert "As you chose." in changed.text
    assert form_of(changed)["mapping"] == json.dumps(
        {"Wer": "name", "B\u00fcro": "details.phone:Work", "Wo": "", "Leer": "details.custom:Leer"}
    )
    assert contacts(ada) == []
    import_it(ada, changed)
    assert contacts(ada) == [
        {"name": "Ada King", "phone": "030 1234567"},
        {"name": "Grace Hopper", "phone": "555 0100"},
    ]
    again = look_at(ada, TABLE.replace("Ada", "Bo"))
    assert "As you said for the last file with these columns." in again.text
    assert form_of(again)["cell-0"] == "name"
    proposed = send(ada, "/import/columns", again, proposed="1")
    assert form_of(proposed)["cell-0"] == "details.custom:Wer"
    import_it(ada, proposed)
    assert form_of(look_at(ada, TABLE))["origin"] == "proposed", "what was taken back is forgotten"


def test_what_was_changed_and_not_looked_at_is_shown_before_it_is_imported(ada: Browser) -> None:
    page = send(ada, "/import/confirm", look_at(ada, TABLE), cell_0="name")
    assert page.status_code == 200
    assert "The columns have changed: this is what comes of them. Nothing is imported yet." in page.text
    assert contacts(ada) == []
    import_it(ada, page)
    assert [contact["name"] for contact in contacts(ada)] == ["Ada King", "Grace Hopper"]


def test_a_table_whose_columns_say_nothing_is_shown_and_can_not_be_imported_yet(ada: Browser) -> None:
    page = look_at(ada, "Wer,Wo\nAda,London\n")
    assert page.status_code == 200
    assert "Choose for one column at least that it is a name" in page.text
    assert "import-confirm" not in page.text
    again = send(ada, "/import/columns", page, cell_1="details.address.city:Home")
    assert "import-confirm" not in again.text
    import_it(ada, send(ada, "/import/columns", again, cell_0="name"))
    assert [contact["name"] for contact in contacts(ada)] == ["Ada"]


def test_a_file_that_looks_like_google_s_can_be_read_by_its_columns(ada: Browser) -> None:
    page = look_at(ada, ALIKE)
    assert "This is read as a file of Google Contacts." in page.text
    fields = form_of(page)
    assert (fields["reader"], fields["cell-2"]) == ("google", "details.phone:Mobile")
    changed = send(ada, "/import/columns", page)
    assert form_of(changed)["reader"] == ""
    import_it(ada, changed)
    assert contacts(ada) == [{"name": "Ada King", "phone": "0170 1234567"}]
    back = send(ada, "/import/columns", look_at(ada, ALIKE), proposed="1")
    assert form_of(back)["reader"] == "google"
    import_it(ada, back)
    assert form_of(look_at(ada, ALIKE))["reader"] == "google"


def test_such_a_file_is_read_as_google_s_where_nothing_is_changed(ada: Browser) -> None:
    import_it(ada, look_at(ada, ALIKE))
    assert contacts(ada) == [{"name": "Ada King", "phone": None}]


@pytest.mark.parametrize("file", ["First Name,Labels\nAda,Friends\n", "BEGIN:VCARD\nVERSION:4.0\nFN:Ada\nEND:VCARD\n"])
def test_a_file_that_says_itself_what_it_is_shows_no_columns(ada: Browser, file: str) -> None:
    assert "import-mapping" not in look_at(ada, file).text


def test_very_many_columns_are_imported_as_they_are_proposed(ada: Browser) -> None:
    page = look_at(ada, f"Full name,{','.join(map(str, range(200)))}\nAda{',1' * 200}\n")
    assert "import-mapping" not in page.text
    import_it(ada, page)
    assert [contact["name"] for contact in contacts(ada)] == ["Ada"]


@pytest.mark.parametrize("address", ["/import/columns", "/import/confirm"])
@pytest.mark.parametrize(
    "values", [{"cell_0": "nam"}, {"mapping": "{"}, {"mapping": "[]"}, {"mapping": '{"Who": "name"}'}]
)
def test_what_no_form_sends_is_refused_in_words(ada: Browser, address: str, values: dict[str, str]) -> None:
    page = send(ada, address, look_at(ada, TABLE), **values)
    assert page.status_code in (200, 422)
    assert contacts(ada) == []
    gone = send(ada, address, look_at(ada, TABLE), digest="5e" * 32)
    assert (gone.status_code, "not kept any more" in gone.text) == (422, True)


def test_a_mapping_is_remembered_for_its_book_alone(app: App, ada: Browser) -> None:
    import_it(ada, send(ada, "/import/columns", look_at(ada, TABLE), cell_0="name"))
    add_user(app, "bob")
    assert form_of(look_at(signed_in(app, "bob"), TABLE))["origin"] == "proposed"


def test_who_undoes_an_import_and_maps_the_columns_otherwise_has_it_so(ada: Browser) -> None:
    import_it(ada, send(ada, "/import/columns", look_at(ada, TABLE), cell_0="name", cell_1="details.phone:Work"))
    (batch,) = re.findall(r'name="batch" value="([^"]+)"', ada.get("/import/progress").text)
    ada.post("/import/undo", "/import", batch=batch)
    wait_until(lambda: "The import was undone" in ada.get("/import/progress").text)
    assert contacts(ada) == []
    page = send(ada, "/import/columns", look_at(ada, TABLE), cell_0="name", cell_1="company")
    assert "You deleted" not in page.text
    import_it(ada, page)
    assert contacts(ada) == [{"name": "Ada King", "phone": None}, {"name": "Grace Hopper", "phone": None}]
    assert "030 1234567" in ada.get("/export.csv").text
