"""One person's window, and what they do there in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from playwright.sync_api import Locator, Page, expect

from app import App
from offbook.contacts.table import BUILT_IN
from offbook.core.model import Change
from offbook.core.protocol.requests import parse_change
from storage.base import ChangeOrigin
from tests.support.browser import parts_of
from tests.support.pushes import push

Scheme = Literal["light", "dark"]
SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}


def scroll_to(page: Page, position: int) -> None:
    """Scroll the list until the row at this position is at the top, as by the scrollbar; wait for it."""
    page.evaluate(SCROLL, position)
    expect(page.locator(f'.row[aria-posinset="{position + 1}"] .row-name')).to_be_attached()


SCROLL = """position => {
    const rows = document.getElementById("rows");
    const height = rows.querySelector(".row").getBoundingClientRect().height;
    rows.parentElement.scrollTop = position * height;
}"""


@dataclass
class Visit:
    page: Page
    app: App
    name: str
    complaints: list[str]

    def expect_chip(self, word: str) -> None:
        expect(self.page.locator("#live span")).to_have_text(word)

    def rows(self) -> Locator:
        return self.page.locator(".row")

    def open(self, name: str) -> None:
        self.page.locator(".row-link", has_text=name).click()
        self.expect_contact(name)

    def expect_contact(self, name: str) -> None:
        expect(self.page.locator(".contact h2")).to_have_text(name)

    def expect_flash(self, text: str) -> None:
        expect(self.page.locator("#flashes")).to_contain_text(text)

    def save(self) -> None:
        self.page.get_by_role("button", name="Save").click()
        self.page.wait_for_selector(".contact")

    def field(self, label: str) -> Locator:
        """An input by its label, wherever in the form it is by now."""
        input_ = self.page.get_by_label(label, exact=True)
        self.page.locator(".contact-form").wait_for()
        if not input_.is_visible():
            self.show_more_fields()
        return input_

    def show_more_fields(self) -> None:
        if self.page.locator(".more-fields").get_attribute("open") is None:
            self.page.get_by_text("More fields").click()

    def device_edits(self, **data: str) -> None:
        """Another device of this person changes the contact whose page is open."""
        contact = self.page.locator("#pane [data-id]").get_attribute("data-id")
        assert contact
        self.device_pushes(self.change(contact, "UPDATE", data))

    def device_adds(self, *names: str) -> None:
        new = parts_of(self.app).new_id
        self.device_pushes(*(self.change(new(), "INSERT", {"name": name}) for name in names))

    def new_id(self) -> str:
        return parts_of(self.app).new_id()

    def change(self, contact: str, operation: str, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        parts = parts_of(self.app)
        record = parts.contacts.get(parts.accounts.user_named(self.name).book_id, contact)
        item: dict[str, Any] = {"id": parts.new_id(), "table": "contacts", "record_id": contact, "operation": operation}
        item |= {"timestamp": "2020-11-20T17:00:00.000Z", "base": record.seq if record else 0}
        return item if data is None else item | {"data": data}

    def device_pushes(self, *items: dict[str, Any]) -> None:
        """Another device of this person, which has seen all there is, pushes these changes."""
        parts = parts_of(self.app)
        user = parts.accounts.user_named(self.name)
        device, _ = parts.accounts.add_device(user.book_id, user.id, "the laptop", parts.clock(), parts.new_id)
        batch = [parse_change(BUILT_IN, item, device.uuid) for item in items]
        assert all(isinstance(one, Change) for one in batch)
        push(parts.store, user.book_id, ChangeOrigin(device.id, user.id), batch, parts.clock())
