"""A configuration profile that sets up contacts on an iPhone, an iPad or a Mac; the password is asked for there.

Source: Apple's Device Management documentation, "Profile-Specific Payload Keys" and "CardDAV".
"""

from __future__ import annotations

import plistlib
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

MEDIA_TYPE = "application/x-apple-aspen-config"


def carddav_profile(server: str, principal: str, user_name: str) -> bytes:
    """The profile for a server's address, with the path of the user's principal. The same one has the same ids, so that
    it replaces itself where it is installed again."""
    address = urlsplit(server)
    is_secure = address.scheme == "https"
    own = f"{server}{principal}"
    account = {
        "PayloadType": "com.apple.carddav.account",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"offbook.{uuid5(NAMESPACE_URL, own)}.carddav",
        "PayloadUUID": str(uuid5(NAMESPACE_URL, f"{own}#carddav")).upper(),
        "PayloadDisplayName": "Contacts",
        "CardDAVAccountDescription": "offbook",
        "CardDAVHostName": address.hostname or "",
        "CardDAVPort": address.port or (443 if is_secure else 80),
        "CardDAVUseSSL": is_secure,
        "CardDAVPrincipalURL": principal,
        "CardDAVUsername": user_name,
    }
    profile = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"offbook.{uuid5(NAMESPACE_URL, own)}",
        "PayloadUUID": str(uuid5(NAMESPACE_URL, own)).upper(),
        "PayloadDisplayName": "offbook contacts",
        "PayloadDescription": f"The contacts of {user_name} on {address.hostname}. The password is asked for.",
        "PayloadContent": [account],
    }
    return plistlib.dumps(profile)
