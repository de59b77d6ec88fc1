"""A contact for somebody else: its card as a file, and as a QR code that a phone's camera reads."""

from __future__ import annotations

import re
from uuid import UUID

from flask import Blueprint, Response

from offbook.contacts.sharing import code_forms, shared_contact
from offbook.core.cells.validation import Json
from offbook.core.errors import NotFound
from offbook.core.protocol import rows
from offbook.formats.vcard.writing import V3, write_card
from web.auth import session_required
from web.current import services
from web.messages.pages import CONTACT_IN_TRASH
from web.pages.contacts.views import get_contact_or_404
from web.presenters.qr_code import qr_picture
from web.sessions import signed_in_user

sharing = Blueprint("sharing", __name__)

CODE_BYTES_MAX = 500
"""What a camera reads at ease from a screen."""

PHOTO_PIXELS = 720
NOT_IN_NAMES = re.compile(r'[^\w .-]+|["\\/]')


@sharing.get("/c/<uuid:contact_id>/card.vcf")
@session_required
def card(contact_id: UUID) -> Response:
    """The card of a contact, with its photo as it is shown."""
    contact = shared_contact(fetch_live(contact_id))
    text = write_card(contact, V3, shown_photo).text
    name = NOT_IN_NAMES.sub("", str(contact["name"])).strip(" .")[:80].encode("ascii", "ignore").decode() or "contact"
    headers = {"Content-Disposition": f'attachment; filename="{name}.vcf"'}
    return Response(text, mimetype="text/vcard", headers=headers)


@sharing.get("/c/<uuid:contact_id>/code.svg")
@session_required
def code(contact_id: UUID) -> Response:
    """The QR code of a contact's card, with as much as it has room for."""
    texts = [""]
    for form in code_forms(fetch_live(contact_id)):
        texts.append(write_card(form, V3, no_photo).text)
        if len(texts[-1].encode()) <= CODE_BYTES_MAX:
            break
    return Response(qr_picture(texts[-1]), mimetype="image/svg+xml")


def fetch_live(contact_id: UUID) -> dict[str, Json]:
    """A contact in wire form. Raises NotFound, for a deleted one too."""
    data = rows.data_of(get_contact_or_404(contact_id))
    if data is None:
        raise NotFound.of(CONTACT_IN_TRASH)
    return data


def shown_photo(sha256: str) -> bytes | None:
    """A photo without what its file tells of places and cameras; None where its bytes are not here."""
    try:
        return services().blobs.shown(signed_in_user().book_id, sha256, PHOTO_PIXELS)[1]
    except NotFound:
        return None


def no_photo(sha256: str) -> None:
    """A code has no room for one."""
