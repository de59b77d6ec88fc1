"""tsdav, the CardDAV library of JavaScript: account, cards and their changes, and 412 only where it must be."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.carddav.clients.programs import CARD, Server
from tests.web.carddav.clients.tsdav import tsdav, with_changes

pytestmark = pytest.mark.processes


def test_cards_are_made_changed_and_deleted(server: Server) -> None:
    account = server.add_account("tess")
    with tsdav(account) as call:
        (book,) = call("fetchAddressBooks", None)
        assert book["url"] == f"{account.url}/dav/tess/contacts/"
        assert {"syncCollection", "addressbookMultiget"} <= set(book["reports"])
        new = {"addressBook": book, "filename": "ida @ home.vcf", "vCardString": CARD.format(name="Ida")}
        assert call("createVCard", new)["status"] == 201
        assert call("createVCard", new)["status"] == 412
        (card,) = call("fetchVCards", {"addressBook": book})
        assert "NOTE:old of Ida" in card["data"]
        (contact,) = account.contacts()

        card["data"] = card["data"].replace("old of Ida", "new of Ida")
        assert call("updateVCard", {"vCard": card})["status"] == 204
        assert account.cells_of_last_change(contact["id"]) == {"notes": "new of Ida"}

        (fresh,) = call("fetchVCards", {"addressBook": book})
        account.ask("PATCH", f"/contacts/{contact['id']}", json={"title": "Engineer"})
        stale = fresh | {"data": fresh["data"].replace("new of Ida", "newest of Ida")}
        assert call("updateVCard", {"vCard": stale})["status"] == 204
        assert account.cells_of_last_change(contact["id"], "merged") == {"notes": "newest of Ida"}
        assert call("deleteVCard", {"vCard": fresh})["status"] == 412
        (merged,) = call("fetchVCards", {"addressBook": book})
        assert "TITLE:Engineer" in merged["data"]
        assert "NOTE:newest of Ida" in merged["data"]
        assert call("deleteVCard", {"vCard": merged})["status"] == 204
        assert account.contacts() == []
        assert call("updateVCard", {"vCard": merged | {"url": f"{book['url']}never.vcf"}})["status"] == 412


def test_a_collection_is_synced_by_its_token(server: Server) -> None:
    account = server.add_account("timo")
    with tsdav(account) as call:

        def sync(book: dict[str, Any]) -> tuple[dict[str, Any], dict[str, list[str]]]:
            """The book as the client has it then, and the texts of cards that are new or changed or gone."""
            book, told = with_changes(call, book)
            return book, {kind: [card.get("data") or card["url"] for card in told[kind]] for kind in told}

        (book,) = call("fetchAddressBooks", None)
        ids = [account.ask("POST", "/contacts", json={"name": f"Person {number}."})["id"] for number in range(30)]
        book, told = sync(book | {"objects": [], "syncToken": ""})
        assert (len(told["created"]), told["updated"], told["deleted"]) == (30, [], [])
        book, told = sync(book)
        assert not any(told.values())

        account.ask("PATCH", f"/contacts/{ids[3]}", json={"notes": "new of it"})
        account.ask("DELETE", f"/contacts/{ids[7]}")
        account.ask("POST", "/contacts", json={"name": "Late"})
        book, told = sync(book)
        assert [len(told[kind]) for kind in ("created", "updated", "deleted")] == [1, 1, 1]
        assert "FN:Late" in told["created"][0]
        assert "NOTE:new of it" in told["updated"][0]
        assert len(book["objects"]) == 30

        (card,) = (card for card in book["objects"] if "FN:Person 5." in card["data"])
        card["data"] = card["data"].replace("FN:", "NOTE:by the phone\r\nFN:")
        assert call("updateVCard", {"vCard": card})["status"] == 204
        assert account.cells_of_last_change(ids[5]) == {"notes": "by the phone"}
        book, told = sync(book)
        assert (told["created"], len(told["updated"]), told["deleted"]) == ([], 1, [])
        book, told = sync(book)
        assert not any(told.values())
