"""A program that speaks CardDAV: requests with a user's name and a device's token, and answers as they are read."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import count
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from werkzeug.test import TestResponse

from app import App
from tests.support.api_client import add_missing_user
from tests.support.browser import add_device

D, C, CS = "{DAV:}", "{urn:ietf:params:xml:ns:carddav}", "{http://calendarserver.org/ns/}"
LOOPBACK = count(int(IPv4Address("127.1.0.0")))

NAMESPACES = (
    'xmlns="DAV:" xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:CS="http://calendarserver.org/ns/"'
)


@dataclass
class Told:
    """What a multistatus tells of one resource: its own status, and its properties by name; those with 200 alone."""

    status: str = ""
    properties: dict[str, Element] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    error: set[str] = field(default_factory=set)

    def text(self, name: str) -> str:
        return self.properties[name].text or ""

    def names(self, name: str) -> list[str]:
        """The names of what is in a property, at whatever depth."""
        return [child.tag for child in self.properties[name].iter()][1:]

    def href(self, name: str) -> str:
        return self.properties[name].findtext(f"{D}href") or ""


class DavClient:
    """A phone of a user. ``base`` is put into the WSGI environ of each request."""

    def __init__(self, app: App, user: str, token: str, **headers: str) -> None:
        self.app = app
        self.client = app.test_client()
        self.token = token
        self.headers = {"Authorization": basic(user, token), **headers}
        # An address of its own: wrong tokens are counted by address, and the app is the same one in every test.
        self.base: dict[str, Any] = {"REMOTE_ADDR": str(IPv4Address(next(LOOPBACK)))}

    def ask(self, method: str, path: str, body: str | bytes = b"", **headers: Any) -> TestResponse:
        """The answer. Headers are named as ``If_Match``; one that is None is left out."""
        told = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        content = body.encode() if isinstance(body, str) else body
        sent = {name: value for name, value in told.items() if value is not None}
        return self.client.open(
            path, method=method, data=content or None, headers=sent, environ_overrides=self.base, buffered=True
        )

    def multistatus(self, method: str, path: str, body: str = "", **headers: Any) -> dict[str, Told]:
        """What a 207 tells, by decoded address."""
        answer = self.ask(method, path, body, **headers)
        assert answer.status_code == 207, answer.text
        return read_multistatus(answer)

    def propfind(self, path: str, *names: str, depth: int = 0) -> dict[str, Told]:
        inner = "".join(f"<{name}/>" for name in names)
        return self.multistatus("PROPFIND", path, propfind_body(inner), Depth=str(depth))

    def report(self, path: str, body: str, **headers: Any) -> dict[str, Told]:
        return self.multistatus("REPORT", path, body, **headers)

    def multiget(self, path: str, *hrefs: str, version: str = "") -> dict[str, Told]:
        return self.report(path, multiget_body(*hrefs, version=version))

    def sync(self, path: str, token: str = "", limit: int | None = None, inner: str = "<getetag/>") -> DavSync:
        """One answer to a sync-collection."""
        answer = self.ask("REPORT", path, sync_body(token, limit, inner))
        assert answer.status_code == 207, answer.text
        return DavSync(read_multistatus(answer), ElementTree.fromstring(answer.data).findtext(f"{D}sync-token") or "")


@dataclass
class DavSync:
    """What a sync-collection tells, and the token that goes on."""

    told: Mapping[str, Told]
    token: str

    @property
    def changed(self) -> dict[str, str]:
        """The ETags of cards that changed, by address."""
        return {address: each.text(f"{D}getetag") for address, each in self.told.items() if not each.status}

    @property
    def removed(self) -> list[str]:
        return [address for address, each in self.told.items() if " 404 " in each.status]

    @property
    def is_cut(self) -> bool:
        return any(" 507 " in each.status for each in self.told.values())


def basic(user: str, token: str) -> str:
    return "Basic " + b64encode(f"{user}:{token}".encode()).decode()


def phone(app: App, user: str = "ada", device: str = "phone", **headers: str) -> DavClient:
    """A device of a user, who is made where there is none of that name."""
    add_missing_user(app, user)
    return DavClient(app, user, add_device(app, user, device)[1], **headers)


def propfind_body(inner: str) -> str:
    return f"<propfind {NAMESPACES}><prop>{inner}</prop></propfind>"


def multiget_body(*hrefs: str, version: str = "") -> str:
    data = f'<C:address-data content-type="text/vcard" version="{version}"/>' if version else "<C:address-data/>"
    told = "".join(f"<href>{href}</href>" for href in hrefs)
    return f"<C:addressbook-multiget {NAMESPACES}><prop><getetag/>{data}</prop>{told}</C:addressbook-multiget>"


def sync_body(token: str = "", limit: int | None = None, inner: str = "<getetag/>") -> str:
    most = f"<limit><nresults>{limit}</nresults></limit>" if limit is not None else ""
    return (
        f"<sync-collection {NAMESPACES}><sync-token>{token}</sync-token><sync-level>1</sync-level>{most}"
        f"<prop>{inner}</prop></sync-collection>"
    )


def read_multistatus(answer: TestResponse) -> dict[str, Told]:
    """What a multistatus tells, by decoded address."""
    told: dict[str, Told] = {}
    for response in ElementTree.fromstring(answer.data).iter(f"{D}response"):
        address = unquote(response.findtext(f"{D}href") or "")
        assert address not in told, f"{address} is told twice"
        each = told[address] = Told(response.findtext(f"{D}status") or "")
        each.error = {child.tag for error in response.findall(f"{D}error") for child in error}
        for part in response.iter(f"{D}propstat"):
            status, prop = part.findtext(f"{D}status") or "", part.find(f"{D}prop")
            assert prop is not None
            if " 200 " in status:
                each.properties |= {child.tag: child for child in prop}
            else:
                each.missing |= {child.tag for child in prop}
                each.error |= {child.tag for error in part.findall(f"{D}error") for child in error}
    return told


def error_of(answer: TestResponse) -> list[str]:
    """The conditions of a DAV:error, by name; what is for people left out."""
    root = ElementTree.fromstring(answer.data)
    assert root.tag == f"{D}error", answer.text
    return [child.tag for child in root if not child.tag.startswith("{urn:offbook:error}")]


def code_of(answer: TestResponse) -> str:
    """Our own code of a DAV:error."""
    return ElementTree.fromstring(answer.data).findtext("{urn:offbook:error}code") or ""
