"""The desktop example: what a person does in the window reaches the book, other devices, and back."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="PySide6, or what it needs, is not installed", exc_type=ImportError)

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QPushButton, QWidget

from examples.desktop.main_window import CHANGED_ONE_BY_ONE_MAX, MainWindow
from examples.desktop.pending_view import ConflictCard, ParkedCard, PendingDialog
from examples.desktop.server_dialog import ServerDialog
from offbook import Replica
from tests.qt.conftest import Device
from tests.qt.event_loop import until
from tests.support.live_server import ROOT

pytestmark = pytest.mark.usefixtures("qt")

Open = Callable[[Replica], MainWindow]


@pytest.fixture
def open_window(device: Device) -> Iterator[Open]:
    """Opens windows as the program does; they are closed in the end, before the books of ``device`` are."""
    with ExitStack() as stack:

        def open_on(book: Replica) -> MainWindow:
            window = MainWindow(book)
            stack.callback(window.close)
            window.start()
            until(lambda: window.state.text() and window.total.text())
            return window

        yield open_on


def sent(window: MainWindow) -> None:
    """Wait until all that was typed here is at the server."""
    until(lambda: not window.book.status().pending)


def names(window: MainWindow) -> list[str]:
    model = window.model
    return [model.index(row).data() for row in range(model.rowCount())]


def button(widget: QWidget, text: str) -> QPushButton:
    (button,) = [button for button in widget.findChildren(QPushButton) if button.text() == text]
    return button


def type_into(field: QWidget, text: str) -> None:
    assert isinstance(field, QLineEdit)
    field.selectAll()
    QTest.keyClicks(field, text)


# --- editing -------------------------------------------------------------------------------------------------------


def test_what_is_added_in_the_window_arrives_elsewhere(open_window: Open, device: Device) -> None:
    window, other = open_window(device("laptop")), device("phone")
    window.add_button.click()
    type_into(window.editor.inputs["name"], "Ada Lovelace")
    type_into(window.editor.lines[0].value, "555-1234")
    window.editor.add_line(window.editor.lines[0].line)
    type_into(window.editor.lines[1].value, "555-9")
    window.editor.lines[1].label.setCurrentText("Boat")
    window.editor.save()
    assert names(window) == ["Ada Lovelace"]
    assert "555-9" in window.pane.text.toPlainText()
    sent(window)
    other.sync()
    (ada,) = other.contacts.list()
    assert (ada["name"], ada["phone"]) == ("Ada Lovelace", "555-1234")
    assert [(entry["kind"], entry["label"], entry["value"]) for entry in ada["details"].values()] == [
        ("phone", "Boat", "555-9")
    ]


def test_an_edit_sends_only_what_was_changed(open_window: Open, device: Device) -> None:
    book, other = device("laptop"), device("phone")
    ada = book.contacts.add(
        name="Ada", phone="1", notes="two\r\nlines ", details=[{"kind": "address", "city": "London"}]
    )
    window = open_window(book)
    sent(window)
    other.sync()
    window.edit()
    other.contacts.update(ada, phone="2")
    other.sync()
    type_into(window.editor.inputs["company"], "Engines Ltd")
    window.editor.save()
    until(lambda: not book.status().pending and book.contacts.get(ada)["phone"] == "2")
    other.sync()
    contact = other.contacts.get(ada)
    assert (contact["company"], contact["phone"], contact["notes"]) == ("Engines Ltd", "2", "two\r\nlines ")
    assert [entry["city"] for entry in contact["details"].values()] == ["London"]


def test_what_can_not_be_stored_is_said_in_the_form_and_nothing_is_lost(open_window: Open, device: Device) -> None:
    window = open_window(device("laptop"))
    window.add()
    type_into(window.editor.inputs["birthday"], "yesterday")
    window.editor.save()
    assert window.editor.isVisible()
    assert "may not be empty" in window.editor.problem.text()
    type_into(window.editor.inputs["name"], "Ada")
    window.editor.save()
    assert window.editor.isVisible()
    assert "birthday" in window.editor.problem.text().lower()
    assert window.book.contacts.count() == 0


def test_an_edit_of_what_was_deleted_meanwhile_brings_it_back(open_window: Open, device: Device) -> None:
    book = device("laptop")
    ada = book.contacts.add(name="Ada", phone="1")
    window = open_window(book)
    window.edit()
    book.contacts.delete(ada)
    type_into(window.editor.inputs["company"], "Engines Ltd")
    window.editor.save()
    assert (book.contacts.get(ada)["phone"], book.contacts.get(ada)["company"]) == ("1", "Engines Ltd")


def test_a_deletion_is_taken_back_by_undo(open_window: Open, device: Device) -> None:
    book, other = device("laptop"), device("phone")
    ada = book.contacts.add(name="Ada", details=[{"kind": "url", "value": "https://example.org"}])
    book.contacts.add(name="Grace")
    before = book.contacts.get(ada)
    window = open_window(book)
    window.select(ada)
    window.list.setFocus()
    until(window.list.hasFocus)
    QTest.keyClick(window.list, Qt.Key.Key_Delete)
    assert names(window) == ["Grace"]
    assert window.undo.text.text() == "Deleted Ada."
    sent(window)
    other.sync()
    assert other.contacts.count() == 1
    window.undo.button.click()
    assert names(window) == ["Ada", "Grace"]
    assert window.current() == ada
    assert window.undo.isHidden()
    sent(window)
    other.sync()
    assert other.contacts.get(ada)["details"] == before["details"]


def test_what_is_gone_by_now_is_no_error(open_window: Open, device: Device) -> None:
    book = device("laptop")
    ada = book.contacts.add(name="Ada")
    window = open_window(book)
    with Replica(book.path) as same:
        same.contacts.delete(ada)
    window.pane.star_button.click()
    window.edit()
    window.delete()
    until(lambda: "No contacts yet" in window.pane.text.toPlainText())
    assert names(window) == []
    assert window.undo.isHidden()


def test_a_star_moves_a_contact_to_the_top(open_window: Open, device: Device) -> None:
    book = device("laptop")
    book.contacts.add(name="Ada")
    grace = book.contacts.add(name="Grace")
    window = open_window(book)
    window.select(grace)
    window.pane.star_button.click()
    assert names(window) == ["Grace", "Ada"]
    assert book.contacts.get(grace)["starred"]
    assert window.current() == grace
    window.pane.star_button.click()
    assert names(window) == ["Ada", "Grace"]


def test_the_program_opens_a_book_and_syncs_it(device: Device) -> None:
    book, other = device("laptop"), device("phone")
    book.contacts.add(name="Ada")
    command = [sys.executable, "-m", "examples.desktop", str(book.path)]
    with subprocess.Popen(command, cwd=ROOT) as program:
        until(lambda: not book.status().pending, 30)
        program.send_signal(signal.SIGINT)
    assert (other.sync().pulled, program.returncode) == (1, -signal.SIGINT)


# --- looking -------------------------------------------------------------------------------------------------------


def test_what_changes_elsewhere_shows_by_itself(open_window: Open, device: Device) -> None:
    book, other = device("laptop"), device("phone")
    ada = book.contacts.add(name="Ada")
    window = open_window(book)
    until(lambda: window.state.text() == "Live")
    other.sync()
    other.contacts.update(ada, name="Ada King", phone="555-1234")
    other.contacts.add(name="Grace")
    other.sync()
    until(lambda: names(window) == ["Ada King", "Grace"])
    assert window.current() == ada
    assert "555-1234" in window.pane.text.toPlainText()
    other.contacts.delete(ada)
    other.sync()
    until(lambda: names(window) == ["Grace"])


def test_many_changes_from_elsewhere_show_too(open_window: Open, device: Device) -> None:
    other = device("phone")
    with other.transaction():
        for number in range(2 * CHANGED_ONE_BY_ONE_MAX):
            other.contacts.add(name=f"Person {number:02}")
    other.sync()
    window = open_window(device("laptop"))
    until(lambda: window.total.text() == "20 contacts")
    assert window.pane.contact is not None
    assert window.pane.contact["name"] == "Person 00"


def test_sync_now_fetches_what_is_new(open_window: Open, device: Device) -> None:
    book, other = device("laptop"), device("phone")
    window = open_window(book)
    window.live.stop()
    other.contacts.add(name="Ada")
    other.sync()
    window.sync_button.click()
    until(lambda: names(window) == ["Ada"])
    until(lambda: not window.syncer.is_syncing)


def test_what_another_program_wrote_shows_when_the_window_is_looked_at(open_window: Open, device: Device) -> None:
    book = device("laptop")
    window = open_window(book)
    with Replica(book.path) as same:
        same.contacts.add(name="Ada")
    window.refresh()
    until(lambda: names(window) == ["Ada"])


def test_a_search_finds_words_anywhere_while_one_types(open_window: Open, device: Device) -> None:
    book = device("laptop")
    book.contacts.add(name="Ada Lovelace", details=[{"kind": "address", "city": "London"}])
    book.contacts.add(name="Éva Grace", phone="555-1234")
    window = open_window(book)
    type_into(window.search, "london ada")
    assert names(window) == ["Ada Lovelace"]
    assert window.total.text() == "1 of 2 contacts"
    type_into(window.search, "eva")
    assert names(window) == ["Éva Grace"]
    assert "555-1234" in window.pane.text.toPlainText()
    type_into(window.search, "nobody")
    assert "Nothing found" in window.pane.text.toPlainText()


def test_markup_that_others_wrote_is_text(open_window: Open, device: Device) -> None:
    book = device("laptop")
    book.contacts.add(name="<b>Ada</b>", notes="<img src=x>", website="javascript:alert(1)")
    window = open_window(book)
    text = window.pane.text.toPlainText()
    assert "<img src=x>" in text
    assert "javascript:alert(1)" in text
    assert "href" not in window.pane.text.toHtml()
    assert "&lt;b&gt;" in window.pane.head.text()


def test_the_list_is_read_out_with_all_it_shows(open_window: Open, device: Device) -> None:
    book = device("laptop")
    book.contacts.add(name="Ada", company="Engines Ltd", starred=True)
    window = open_window(book)
    assert window.model.index(0).data(Qt.ItemDataRole.AccessibleTextRole) == "Ada, Engines Ltd, starred"


# --- deciding ------------------------------------------------------------------------------------------------------


@pytest.fixture
def contested(device: Device) -> tuple[Replica, Replica, str]:
    """Two devices that gave one contact two phones, and the contact's id."""
    book, other = device("laptop"), device("phone")
    ada = book.contacts.add(name="Ada", phone="1")
    book.sync()
    other.sync()
    other.contacts.update(ada, phone="2")
    other.sync()
    book.contacts.update(ada, phone="3")
    book.sync()
    return book, other, ada


def open_card(window: MainWindow) -> tuple[PendingDialog, QWidget]:
    until(lambda: window.waits.isVisible())
    window.waits.button.click()
    (dialog,) = window.findChildren(PendingDialog)
    return dialog, dialog.findChildren(ConflictCard)[0]


@pytest.mark.parametrize("policy", ["ask"])
@pytest.mark.parametrize(("press", "phone", "others"), [(0, "2", []), (1, "3", [])], ids=["ours", "theirs"])
def test_a_conflict_is_decided_in_the_window(
    open_window: Open, contested: tuple[Replica, Replica, str], press: int, phone: str, others: list[str]
) -> None:
    book, other, ada = contested
    window = open_window(book)
    assert window.waits.text.text() == "1 conflict waits for you"
    _, card = open_card(window)
    [button for button in card.findChildren(QPushButton) if button.text() == "Keep this"][press].click()
    until(lambda: window.waits.isHidden() and not book.status().pending)
    other.sync()
    assert (other.contacts.get(ada)["phone"], other.status().conflicts) == (phone, 0)


@pytest.mark.parametrize("policy", ["ask"])
def test_both_versions_of_a_conflict_can_stand(open_window: Open, contested: tuple[Replica, Replica, str]) -> None:
    book, other, ada = contested
    window = open_window(book)
    _, card = open_card(window)
    button(card, "Keep both").click()
    until(lambda: window.waits.isHidden() and not book.status().pending)
    other.sync()
    contact = other.contacts.get(ada)
    assert {contact["phone"], *(entry["value"] for entry in contact["details"].values())} == {"2", "3"}


@pytest.mark.parametrize("policy", ["ask"])
def test_a_third_value_can_be_typed_into_a_conflict(open_window: Open, contested: tuple[Replica, Replica, str]) -> None:
    book, other, ada = contested
    window = open_window(book)
    dialog, card = open_card(window)
    (typed,) = card.findChildren(QLineEdit)
    type_into(typed, "x" * 200)
    QTest.keyClick(typed, Qt.Key.Key_Return)
    assert "100 is the most" in dialog.problem.text()
    assert book.status().conflicts == 1
    type_into(typed, "4")
    QTest.keyClick(typed, Qt.Key.Key_Return)
    until(lambda: window.waits.isHidden() and not book.status().pending)
    other.sync()
    assert other.contacts.get(ada)["phone"] == "4"


def test_what_can_not_be_sent_is_shown_with_the_reason(open_window: Open, device: Device) -> None:
    book = device("laptop")
    book.connection.execute("INSERT INTO contacts (name, phone) VALUES ('Ada', ?)", ("5" * 200,))
    window = open_window(book)
    sent(window)
    until(lambda: window.waits.text.text() == "1 change that can't be sent waits for you")
    dialog = window.decide()
    (card,) = dialog.findChildren(ParkedCard)
    assert "100 is the most" in card.accessibleName()
    button(card, "Try again").click()
    assert "100 is the most" in dialog.problem.text()
    window.edit()
    type_into(window.editor.lines[0].value, "555")
    window.editor.save()
    sent(window)
    button(card, "Try again").click()
    until(lambda: window.waits.isHidden() and not book.status().pending)
    assert (book.status().parked, book.status().pending) == (0, 0)


# --- the state of syncing ------------------------------------------------------------------------------------------


def test_offline_the_window_counts_what_waits_and_sends_it_later(open_window: Open, device: Device) -> None:
    book = device("laptop")
    url = book.status().server
    book.set_server("http://127.0.0.1:9")
    for name in ("Ada", "Grace", "Joan"):
        book.contacts.add(name=name)
    window = open_window(book)
    until(lambda: window.state.text() == "Offline, 3 changes wait")
    assert window.last.text() == "Last sync: never"
    book.set_server(url)
    until(lambda: window.state.text() == "Live")
    assert window.last.text() != "Last sync: never"


def test_a_token_that_is_not_accepted_is_told_and_can_be_given_anew(open_window: Open, device: Device) -> None:
    token = device("another").connection.execute("SELECT token FROM sync_state").fetchone()[0]
    window = open_window(device("laptop", token="ob_1_wrong"))
    until(window.trouble.isVisible)
    assert "token" in window.trouble.text.text()
    assert window.state.text() == "Not connected"
    window.trouble.button.click()
    (dialog,) = window.findChildren(ServerDialog)
    type_into(dialog.token, token)
    dialog.save()
    until(lambda: window.trouble.isHidden() and window.state.text() == "Live")


def test_an_address_that_can_not_be_one_is_told_and_stays_to_be_mended(open_window: Open, device: Device) -> None:
    book = device("laptop")
    url = book.status().server
    dialog = ServerDialog(book, open_window(book))
    type_into(dialog.address, "http://localhost:99999")
    dialog.save()
    assert "1 to 65535" in dialog.problem.text()
    assert (book.status().server, dialog.address.text()) == (url, "http://localhost:99999")


def test_without_a_server_the_book_is_on_this_device(open_window: Open, device: Device) -> None:
    window = open_window(device("laptop", server=None, token=None))
    assert window.state.text() == "On this device only"
    window.add()
    type_into(window.editor.inputs["name"], "Ada")
    window.editor.save()
    assert names(window) == ["Ada"]


def test_the_window_is_as_it_was_left(open_window: Open, device: Device) -> None:
    book = device("laptop")
    window = open_window(book)
    window.resize(777, 555)
    window.close()
    assert (open_window(book).width(), open_window(book).height()) == (777, 555)
