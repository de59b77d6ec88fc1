"""Photos in a real browser: chosen, dropped, pasted, cut to a square, removed, and seen in what happened before."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Locator, expect

from offbook.core.pictures import sha256_of
from tests.browser.users import Visit
from tests.support.browser import parts_of
from tests.support.pictures import opened, picture

Open = Callable[..., Visit]

TRANSFER = """([text, name, type]) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  return transfer;
}"""


def halves() -> bytes:
    """A picture whose left half is red and whose right half is blue: 400 by 200."""
    both = Image.new("RGB", (400, 200), "red")
    both.paste((0, 0, 255), (200, 0, 400, 200))
    file = io.BytesIO()
    both.save(file, "PNG")
    return file.getvalue()


def new_form(ada: Visit) -> None:
    ada.page.locator("#create").click()
    ada.field("Name").fill("Grace Hopper")


def give(ada: Visit, event: str, content: bytes, type_: str = "image/png") -> None:
    """Drop or paste a file on the form."""
    text = base64.b64encode(content).decode()
    transfer = ada.page.evaluate_handle(TRANSFER, [text, "grace.png", type_])
    key = "clipboardData" if event == "paste" else "dataTransfer"
    ada.page.locator(".contact-form h2").evaluate(
        """(heading, [event, key, transfer]) => {
          const made = event === "paste"
            ? new ClipboardEvent(event, { bubbles: true, cancelable: true, [key]: transfer })
            : new DragEvent(event, { bubbles: true, cancelable: true, [key]: transfer });
          heading.dispatchEvent(made);
        }""",
        [event, key, transfer],
    )


def crop(ada: Visit) -> Locator:
    return ada.page.locator("[data-photo-crop]")


def stored_photo(ada: Visit) -> Image.Image:
    """The photo of the contact that is open."""
    parts = parts_of(ada.app)
    contact = ada.page.locator("#pane [data-id]").get_attribute("data-id")
    book = parts.accounts.user_named(ada.name).book_id
    record = parts.contacts.get(book, contact or "")
    assert record is not None
    return opened(parts.blobs.original(book, str(record.cells["photo"]))[1])


def colors(image: Image.Image) -> list[str]:
    """Of the left and the right edge."""
    edges = [image.getpixel((x, image.height // 2)) for x in (2, image.width - 3)]
    return ["red" if edge[0] > edge[2] else "blue" for edge in edges if isinstance(edge, tuple)]


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_a_picture_is_dropped_or_pasted_and_its_middle_square_is_taken(visit: Open, event: str) -> None:
    ada = visit()
    new_form(ada)
    give(ada, event, halves())
    expect(crop(ada)).to_be_visible()
    ada.save()
    ada.expect_contact("Grace Hopper")
    photo = stored_photo(ada)
    assert (photo.format, photo.size, colors(photo)) == ("JPEG", (200, 200), ["red", "blue"])
    expect(ada.page.locator(".contact-head img")).to_have_js_property("naturalWidth", 200)


def test_the_square_is_moved_by_keys_and_by_hand_and_zoomed(visit: Open) -> None:
    ada = visit()
    new_form(ada)
    give(ada, "drop", halves())
    expect(crop(ada)).to_be_visible()
    ada.page.get_by_label("Left or right").focus()
    ada.page.keyboard.press("End")
    ada.page.get_by_label("Zoom").fill("2")
    ada.save()
    ada.expect_contact("Grace Hopper")
    assert (stored_photo(ada).size, colors(stored_photo(ada))) == ((100, 100), ["blue", "blue"])

    ada.page.get_by_role("link", name="Edit", exact=True).click()
    give(ada, "paste", halves())
    canvas = ada.page.locator("[data-photo-canvas]")
    canvas.scroll_into_view_if_needed()
    area = canvas.bounding_box()
    assert area
    ada.page.mouse.move(area["x"] + 10, area["y"] + 50)
    ada.page.mouse.down()
    ada.page.mouse.move(area["x"] + 170, area["y"] + 50, steps=4)
    ada.page.mouse.up()
    ada.save()
    ada.expect_flash("Saved.")
    assert (stored_photo(ada).size, colors(stored_photo(ada))) == ((200, 200), ["red", "red"])


def test_the_whole_picture_is_kept_where_somebody_says_so_and_a_choice_is_discarded(visit: Open) -> None:
    ada = visit()
    new_form(ada)
    give(ada, "drop", halves())
    ada.page.get_by_label("Keep this square only").uncheck()
    ada.save()
    ada.expect_contact("Grace Hopper")
    assert stored_photo(ada).size == (400, 200)
    ada.page.get_by_role("link", name="Edit", exact=True).click()
    give(ada, "drop", picture("PNG", 30, 30))
    ada.page.get_by_role("button", name="Discard this picture").click()
    expect(crop(ada)).to_be_hidden()
    expect(ada.page.locator("[data-photo-now]")).to_be_visible()
    ada.field("Company").fill("Navy")
    ada.save()
    ada.expect_flash("Saved.")
    assert stored_photo(ada).size == (400, 200)


@pytest.mark.parametrize("is_square", [True, False])
def test_what_the_browser_alone_can_read_is_sent_as_jpeg(visit: Open, is_square: bool) -> None:
    """As a HEIC is by browsers that can read it; Chromium reads BMP, which the server does not take."""
    ada = visit()
    new_form(ada)
    give(ada, "drop", picture("BMP", 60, 30), "image/bmp")
    ada.page.get_by_label("Keep this square only").set_checked(is_square)
    ada.save()
    ada.expect_contact("Grace Hopper")
    photo = stored_photo(ada)
    assert (photo.format, photo.size) == ("JPEG", (30, 30) if is_square else (60, 30))


def test_what_is_no_picture_leaves_the_page_as_it_is(visit: Open) -> None:
    ada = visit()
    new_form(ada)
    give(ada, "drop", b"hello", "text/plain")
    ada.expect_flash("What was dropped is no picture.")
    expect(ada.field("Name")).to_have_value("Grace Hopper")
    file: FilePayload = {"name": "a.heic", "mimeType": "image/heic", "buffer": b"\0\0\0\x18ftypheic"}
    ada.page.locator('[data-test="photo-file"]').set_input_files(file)
    ada.page.get_by_role("button", name="Save").click()
    expect(ada.page.locator("#f-photo-error")).to_contain_text("save the photo as JPEG")
    expect(ada.field("Name")).to_have_value("Grace Hopper")


def test_the_history_and_the_inbox_show_photos(visit: Open) -> None:
    ada = visit()
    parts = parts_of(ada.app)
    book = parts.accounts.user_named(ada.name).book_id
    red, blue = picture(color="red", width=300, height=200), picture(color="blue", width=200, height=300)
    for content in (red, blue):
        parts.blobs.put(book, sha256_of(content), content, parts.clock())
    ada.open("Person 001")
    ada.device_edits(photo=sha256_of(red))
    ada.device_edits(photo=sha256_of(blue))
    ada.page.locator("#history").click()
    images = ada.page.locator(".cell-values img")
    expect(images).to_have_count(3)
    for image in images.all():
        expect(image).to_have_js_property("naturalWidth", 96)
