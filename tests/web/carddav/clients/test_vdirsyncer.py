"""vdirsyncer with a folder of cards: it finds the book, takes it whole, and writes what changed and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.carddav.clients.programs import CARD, DATA, Server, Vdirsyncer, needs_data

pytestmark = pytest.mark.processes

SOME = 300
"""Of the real contacts."""


@pytest.mark.parametrize("path", ["/", "/dav/{user}/contacts/"])
def test_the_book_is_found_from_the_address_that_is_typed(server: Server, tmp_path: Path, path: str) -> None:
    account = server.add_account(f"finn{len(path)}")
    client = Vdirsyncer(account, tmp_path, path=path.format(user=account.user))
    assert f'"contacts" ("{account.user}")' in client.discover()


@needs_data
def test_cards_of_all_kinds_arrive_and_go_back_as_one_change_each(server: Server, tmp_path: Path) -> None:
    """Cards of many programs, with what is wrong in them, and some hundred ordinary ones."""
    account = server.add_account("nadia")
    odd = sum(account.import_file(path) for path in DATA.glob("vcards/*.vcf") if path.name < "24")
    client = Vdirsyncer(account, tmp_path)
    client.discover()
    assert client.sync() == {}
    texts = client.texts()
    assert len(texts) == odd > 20
    ids = [contact["id"] for contact in account.contacts()]

    rows = tmp_path / "some.csv"
    rows.write_text("".join((DATA / "legislators-google.csv").read_text().splitlines(keepends=True)[: SOME + 1]))
    assert account.import_file(rows) == SOME
    assert client.sync() == {}
    assert len(client.texts()) == odd + SOME
    assert texts.items() <= client.texts().items()

    for name in texts:
        path = client.cards / name
        path.write_bytes(path.read_bytes().replace(b"END:VCARD", b"X-SEEN:1\r\nEND:VCARD"))
    assert client.sync() == {"PUT 204": odd}
    assert client.sync() == {}  # takes those that the server writes in another way
    texts = client.texts()
    assert client.sync() == {}
    assert client.texts() == texts
    assert sum("X-SEEN:1" in text for text in texts.values()) == odd
    for contact_id in ids:
        cells = account.cells_of_last_change(contact_id)
        assert len({path.rpartition("/")[0] for path in cells}) == 1, cells
        assert "X-SEEN" in cells.values()


def test_additions_edits_deletions_and_a_conflict_go_both_ways(server: Server, tmp_path: Path) -> None:
    """vdirsyncer knows whole cards alone. In a conflict it writes nothing until its user has said what counts; what
    that is not stays in the history."""
    account = server.add_account("tara")
    client = Vdirsyncer(account, tmp_path)
    client.discover()
    for name in ("Ada", "Bob", "Cleo", "Eve"):
        (client.cards / f"{name}.vcf").write_bytes(CARD.format(name=name).encode())
    account.ask("POST", "/contacts", json={"name": "Dora", "notes": "of the laptop"})
    assert client.sync() == {"PUT 201": 4}
    assert client.sync() == {}
    ids = {contact["name"]: contact["id"] for contact in account.contacts()}
    assert sorted(ids) == ["Ada", "Bob", "Cleo", "Dora", "Eve"]
    assert "NOTE:of the laptop" in client.text_of("Dora")

    client.edit("NOTE:old of Ada", "NOTE:new of Ada")
    client.path_of("FN:Bob").unlink()
    account.ask("PATCH", f"/contacts/{ids['Cleo']}", json={"notes": "new of Cleo"})
    account.ask("DELETE", f"/contacts/{ids['Dora']}")
    client.edit("NOTE:old of Eve", "NOTE:of the phone")
    account.ask("PATCH", f"/contacts/{ids['Eve']}", json={"notes": "of the laptop"})
    assert client.sync(code=1) == {"PUT 204": 1, "DELETE 204": 1}
    assert account.cells_of_last_change(ids["Ada"]) == {"notes": "new of Ada"}
    notes = {contact["name"]: contact["notes"] for contact in account.contacts()}
    assert notes == {"Ada": "new of Ada", "Cleo": "new of Cleo", "Eve": "of the laptop"}
    assert "NOTE:new of Cleo" in client.text_of("Cleo")
    assert "NOTE:of the phone" in client.text_of("Eve")
    assert len(client.texts()) == 3
    assert account.history(ids["Bob"])[0]["operation"] == "DELETE"

    resolved = Vdirsyncer(account, tmp_path, '"a wins"')
    assert resolved.sync() == {"PUT 204": 1}
    assert resolved.sync() == {}
    assert account.cells_of_last_change(ids["Eve"]) == {"notes": "of the phone"}
    assert [change["data"].get("notes") for change in account.history(ids["Eve"])] == [
        "of the phone", "of the laptop", "old of Eve"
    ]  # fmt: skip
