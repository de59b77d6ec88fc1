"""Evolution's data server: it takes a book, and what is added, modified and removed on one side reaches the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.polling import wait_until
from tests.web.carddav.clients.evolution import evolution
from tests.web.carddav.clients.programs import CARD, DATA, Server, needs_data

pytestmark = pytest.mark.processes


@needs_data
def test_a_book_is_taken_and_each_edit_is_one_change(server: Server, tmp_path: Path) -> None:
    """Cards of many programs, with what is wrong in them, and some hundred ordinary ones. Evolution writes a card anew
    when one field of it is edited, and says of none which version it had."""
    account = server.add_account("evan")
    odd = sum(account.import_file(path) for path in DATA.glob("vcards/*.vcf") if path.name < "24")
    ids = {contact["uid"] or contact["id"]: contact["id"] for contact in account.contacts()}
    ordinary = account.import_file(DATA / "legislators-google.csv")
    with evolution(account, tmp_path) as do:
        assert do("refresh")
        wait_until(lambda: len(do("names")) == odd + ordinary > 550)
        before = account.writes()
        assert do("set_note", [sorted(ids), "by Evolution"])
        assert account.writes() - before == {"PUT 204": odd}
        for contact_id in ids.values():
            assert account.cells_of_last_change(contact_id) == {"notes": "by Evolution"}

        uid = do("add", CARD.format(name="Dora"))
        (dora,) = (contact for contact in account.contacts() if contact["name"] == "Dora")
        assert (dora["phone"], dora["phone_label"], dora["notes"]) == ("+1 555 0100", "Boat", "old of Dora")
        account.ask("PATCH", f"/contacts/{dora['id']}", json={"title": "Engineer"})
        account.ask("POST", "/contacts", json={"name": "Late"})
        assert do("refresh")
        wait_until(lambda: "TITLE:Engineer" in do("card", uid) and "Late" in do("names").values())
        assert do("refresh")  # which shows that it has read what had changed
        assert do("set_note", [[uid], "new of Dora"])
        assert account.cells_of_last_change(dora["id"]) == {"notes": "new of Dora"}

        assert do("remove", uid)
        assert "Dora" not in {contact["name"] for contact in account.contacts()}
        (late,) = (contact for contact in account.contacts() if contact["name"] == "Late")
        account.ask("DELETE", f"/contacts/{late['id']}")
        before = account.writes()
        assert do("refresh")
        wait_until(lambda: not {"Dora", "Late"} & set(do("names").values()))
        assert do("refresh")
        assert account.writes() == before
