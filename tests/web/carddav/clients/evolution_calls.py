"""Calls Evolution's data server for a test, by the system's Python: a line of standard input is a method and its
argument, a line of output what came of it. It ends with its input. Apart from that, it imports nothing of offbook."""

import json
import os
import sys
from typing import Any

import gi

gi.require_version("EBook", "1.2")
gi.require_version("EBookContacts", "1.2")
gi.require_version("EDataServer", "1.2")
from gi.repository import EBook, EBookContacts, EDataServer, GLib  # noqa: E402 - of the versions that are named above

NOT_WAITED = 0xFFFFFFFF
"""How long the first connection is waited for: it comes about only with the password."""


class Book:
    """The address book whose settings are in the file ``offbook.source``."""

    def __init__(self) -> None:
        self.source = EDataServer.SourceRegistry.new_sync(None).ref_source("offbook")
        self.client = EBook.BookClient.connect_sync(self.source, NOT_WAITED, None)
        credentials = EDataServer.NamedParameters.new()
        credentials.set("username", os.environ["DAV_USER"])
        credentials.set("password", os.environ["DAV_TOKEN"])
        self.source.invoke_authenticate_sync(credentials, None)
        while self.client.is_readonly():
            GLib.MainContext.default().iteration(True)

    def refresh(self, _: None) -> bool:
        """Take what has changed on the server."""
        return bool(self.client.refresh_sync(None))

    def names(self, _: None) -> dict[str, str]:
        """The names of all contacts, by their UIDs."""
        contacts = self.client.get_contacts_sync("#t", None)[1]
        return {contact.get_property("id"): contact.get_property("full-name") for contact in contacts}

    def card(self, uid: str) -> str:
        """The card that is kept of a contact."""
        return str(self._contact(uid).to_string(getattr(EBookContacts.VCardFormat, "30")))

    def add(self, card: str) -> str:
        """A new contact; its UID."""
        contact = EBookContacts.Contact.new_from_vcard(card)
        return str(self.client.add_contact_sync(contact, 0, None)[1])

    def set_note(self, uids_and_note: tuple[list[str], str]) -> bool:
        """Let these contacts have this note."""
        uids, note = uids_and_note
        contacts = [self._contact(uid) for uid in uids]
        for contact in contacts:
            contact.set_property("note", note)
        return bool(self.client.modify_contacts_sync(contacts, 0, None))

    def remove(self, uid: str) -> bool:
        """Delete a contact."""
        return bool(self.client.remove_contact_by_uid_sync(uid, 0, None))

    def _contact(self, uid: str) -> Any:
        return self.client.get_contact_sync(uid, None)[1]


if __name__ == "__main__":
    book = Book()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        method, argument = json.loads(line)
        print(json.dumps(getattr(book, method)(argument)), flush=True)
