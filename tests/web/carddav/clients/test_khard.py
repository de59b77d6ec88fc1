"""khard on the files that vdirsyncer takes: it writes a card in its own way, and its edit is one change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.carddav.clients.programs import CARD, Server, Vdirsyncer, program, run

pytestmark = pytest.mark.processes

CONFIGURATION = """
[addressbooks]
[[book]]
path = {cards}
[general]
debug = no
default_action = list
editor = false
merge_editor = false
[vcard]
preferred_version = 3.0
"""

RICH = CARD.replace(
    "END:VCARD",
    "BDAY;X-APPLE-OMIT-YEAR=1604:1604-04-15\r\n"
    "item2.ADR;TYPE=HOME:;;Weg 1;Ort;;12345;Land\r\n"
    "item2.X-ABADR:de\r\n"
    "IMPP;X-SERVICE-TYPE=Jabber;TYPE=HOME:xmpp:grace@chat.example\r\n"
    "CATEGORIES:Chor,Verein\r\n"
    "END:VCARD",
)


def test_an_edit_is_one_change_of_one_cell(server: Server, tmp_path: Path) -> None:
    """It renames groups, drops parameters and the year's mark, and adds lines: nothing of that is an edit."""
    account = server.add_account("kaja")
    account.import_file(write(tmp_path / "grace.vcf", RICH.format(name="Grace")))
    client = Vdirsyncer(account, tmp_path)
    client.discover()
    client.sync()
    (contact,) = account.contacts()
    configuration = write(tmp_path / "khard.conf", CONFIGURATION.format(cards=client.cards))
    khard = [program("khard"), "-c", str(configuration)]

    assert "Grace" in run([*khard, "list"])
    shown = run([*khard, "show", "--format", "yaml", "Grace"])
    assert "old of Grace" in shown
    edited = write(tmp_path / "grace.yaml", shown.replace("old of Grace", "new of Grace"))
    before = client.text_of("Grace")
    run([*khard, "edit", "-i", str(edited), "Grace"], "y\n")
    assert client.text_of("Grace") != before.replace("old of", "new of")

    assert client.sync() == {"PUT 204": 1}
    assert account.cells_of_last_change(contact["id"]) == {"notes": "new of Grace"}
    assert len(account.history(contact["id"])) == 2
    client.sync()
    assert client.sync() == {}
    assert "X-ABLabel:Boat" in client.text_of("Grace")
    assert "xmpp:grace@chat.example" in client.text_of("Grace")


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path
