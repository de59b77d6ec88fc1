"""Nobody sees or changes another's book: every address is asked by someone who knows all of another user's ids.

ATTEMPTS has a row for every view there is, and a view without one fails the build: whoever adds an address says here
what a stranger gets from it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app import STATIC, App
from models import Base
from offbook.contacts.table import LABELS
from offbook.core.schema import record_id_of_key
from storage.values.imports import JobState
from tests.support.api_client import Caller, caller, change, contents, new_id
from tests.support.browser import Browser, Stage, add_device, add_user, bearer, csrf_of, parts_of, signed_in
from tests.support.dav_client import DavClient, multiget_body, sync_body
from tests.support.import_jobs import begin_job
from tests.support.pictures import named, picture
from web.assets import url_of

SECRET = "Enchantress"
"""Stands in everything that Ada has, and in nothing of Eve's."""

UNKNOWN = "33333333-3333-4333-8333-333333333333"

GONE = "Analyst"
"""The same of what Ada deleted."""


@dataclass
class Scene:
    """Eve, with a device and signed in, and all the ids of Ada's that she might have come by."""

    app: App
    device: Caller
    pages: Browser
    contact: str
    label: str
    deleted: str
    seq: int
    cursor: str
    change_id: str
    batch: str
    conflict: str
    device_uuid: str
    device_id: int
    session: str
    photo: str

    def post(self, path: str, **fields: str) -> TestResponse:
        """Post a form of the pages with a good token of Eve's own."""
        return self.pages.post(path, "/devices", **fields)

    def upload(self, path: str, text: str) -> TestResponse:
        token = csrf_of(self.pages.get("/devices").text)
        file = (io.BytesIO(text.encode()), "contacts.csv")
        return self.pages.client.post(path, data={"csrf_token": token, "file": file})

    def push(self, **more: Any) -> dict[str, Any]:
        (result,) = self.device.synced(change(**more))["results"]
        found: dict[str, Any] = result
        return found


def a_conflict(ada: Caller, contact: str, base: int) -> str:
    """An open conflict about this contact's phone, between two of Ada's replicas."""
    accounts = parts_of(ada.app).accounts
    accounts.set_policy(accounts.user_named("ada").book_id, "ask")
    for number in ("1", "2"):
        edit = change("UPDATE", record_id=contact, base=base, data={"phone": f"{SECRET} {number}"})
        ada.synced(edit | {"replica": new_id()})
    (conflict,) = ada.get("/conflicts").get_json()["conflicts"]
    found: str = conflict["id"]
    return found


@pytest.fixture(scope="module")
def ids(stage: Stage) -> dict[str, Any]:
    """The fields of Scene, Eve's token, and the database that they are of, as a template."""
    with stage.set() as app:
        made = ids_in(app)
    return made | {"template": stage.kept("scene.db")}


@pytest.fixture
def scene(stage: Stage, ids: dict[str, Any]) -> Iterator[Scene]:
    numbers = dict(ids)
    with stage.set(numbers.pop("template")) as app:
        device = Caller(app, numbers.pop("token"))
        yield Scene(app=app, device=device, pages=signed_in(app, "eve"), **numbers)


def ids_in(app: App) -> dict[str, Any]:
    ada = caller(app, "ada")
    details = {
        "k1": {"kind": "email", "label": SECRET, "value": f"{SECRET}@example.org"},
        "k2": {"kind": "group", "value": f"{SECRET} friends"},
    }
    first = change(data={"name": f"{SECRET} Ada", "notes": SECRET, "details": details}) | {"batch": new_id()}
    second = change(data={"name": f"{GONE} Babbage"})
    seq = ada.synced(first)["results"][0]["seq"]
    base = ada.synced(second)["results"][0]["seq"]
    cursor = ada.synced(change("DELETE", record_id=second["record_id"], base=base), since=None)["cursor"]
    tutorial = {"table": "contacts", "record_id": 1, "operation": "INSERT", "timestamp": "2026-11-18T17:06:40+00:00"}
    ada.ask("POST", "/sync", json=tutorial | {"data": {"id": 1, "name": f"{SECRET} One"}})
    device, _ = add_device(app, "ada", f"{SECRET}'s phone")
    signed_in(app, "ada")
    (session,) = parts_of(app).accounts.sessions(device.user_id, parts_of(app).clock())
    photo, content = named(picture(comment=SECRET.encode()))
    assert ada.ask("PUT", photo, data=content).status_code == 201
    begin_job(app, "ada", state=JobState.STOPPED, file_name=SECRET, problem=SECRET)
    add_user(app, "boss", admin=True)
    eve = caller(app, "eve")
    eve.add(name="Mallory")
    return {
        "token": eve.token,
        "contact": first["record_id"],
        "label": record_id_of_key(LABELS, f"{SECRET} friends"),
        "deleted": second["record_id"],
        "seq": seq,
        "cursor": cursor,
        "change_id": first["id"],
        "batch": first["batch"],
        "conflict": a_conflict(ada, first["record_id"], seq),
        "device_uuid": device.uuid,
        "device_id": device.id,
        "session": session.id,
        "photo": photo,
    }


# --- what a stranger gets --------------------------------------------------------------------------------------------

Attempt = Callable[[Scene], Iterator[tuple[TestResponse, int]]]
"""Asks in every way that comes to mind; gives each answer with the status that it must have."""


def sees_only_her_own(path: str, **query: str) -> Attempt:
    def attempt(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
        yield scene.pages.get(path, query_string=query), 200

    return attempt


def is_not_there(path: str, **fields: str) -> Attempt:
    """A form's address below Ada's contacts, the deleted one too."""

    def attempt(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
        for key in (scene.contact, scene.deleted):
            yield scene.post(path.format(key), base=str(scene.seq), change_id=new_id(), **fields), 404

    return attempt


def is_not_shown(path: str) -> Attempt:
    def attempt(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
        for key in (scene.contact, scene.deleted):
            yield scene.pages.get(path.format(key)), 404
            yield scene.pages.get(path.format(key), headers={"X-Fragment": "pane"}), 404

    return attempt


def is_for_admins(method: str, path: str) -> Attempt:
    def attempt(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
        yield (scene.pages.get(path) if method == "GET" else scene.post(path, name="x", password="long enough 1")), 403

    return attempt


def sync(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.device.sync(change(), since=scene.cursor), 410
    for key in (scene.contact, scene.deleted):
        for base in (0, scene.seq):
            update = change("UPDATE", record_id=key, base=base, data={"name": "Eve"})
            assert scene.device.synced(update)["results"][0]["verdict"] == "rejected"
        yield scene.device.sync(change("DELETE", record_id=key, base=0)), 200
        yield scene.device.sync(change(record_id=key), since=None), 200
    yield scene.device.sync(change(id=scene.change_id), since=None), 200
    tutorial = {"table": "contacts", "record_id": 1, "timestamp": "2026-11-19T00:00:00+00:00"}
    yield scene.device.ask("POST", "/sync", json=tutorial | {"operation": "DELETE", "data": None}), 200
    yield scene.device.ask("POST", "/sync", json=tutorial | {"operation": "UPDATE", "data": {"name": "Eve"}}), 200


def planning(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    update = change("UPDATE", record_id=scene.contact, base=0, data={"name": "Eve"})
    yield scene.device.ask("POST", "/plan", json={"changes": [update], "since": None}), 200
    yield scene.device.ask("POST", "/plan", json={"changes": [], "since": scene.cursor}), 410


def past(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    for key in (scene.contact, scene.deleted):
        yield scene.device.get(f"/history/{key}"), 404


def going_back(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    for to in ("before", "after"):
        yield scene.device.ask("POST", f"/history/{scene.change_id}/restore", json={"to": to}), 404


def version(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    for key in (scene.contact, scene.deleted):
        yield scene.device.ask("POST", f"/history/{key}/version", json={"seq": scene.seq}), 404


def waiting(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    found = scene.device.get("/conflicts")
    assert found.get_json()["conflicts"] == []
    yield found, 200


def choosing(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    for choice in ({"choice": "theirs"}, {"value": "Eve"}):
        yield scene.device.ask("POST", f"/conflicts/{scene.conflict}", json=choice), 404


def changes(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.device.get("/changes"), 200
    yield scene.device.get("/changes", since=scene.cursor), 410
    yield scene.device.get("/changes", since="1970-01-01T00:00:00+00:00"), 200


def listening(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.device.get("/live"), 426
    yield scene.device.get("/live", since=scene.cursor), 410


def photos(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    for size in (None, 96, 720):
        yield scene.device.get(scene.photo, size=size), 404
        yield scene.pages.get(scene.photo, query_string={"size": size or ""} if size else None), 404
    yield scene.device.get(scene.photo, headers={"If-None-Match": f'"{scene.photo.rpartition("/")[2]}"'}), 404


def sending_photos(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    """Whoever has the picture itself is told that it is new, though Ada has it."""
    yield scene.device.ask("PUT", scene.photo, data=b""), 422
    yield scene.device.ask("PUT", scene.photo, data=picture(comment=SECRET.encode())), 201


def comparing(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    """Sums and digests of Ada's would tell whether she has a record, though not what it says."""
    for ranges in ([["", None]], [[scene.contact, None]]):
        answer = scene.device.ask("POST", "/verify", json={"table": "contacts", "ranges": ranges, "records": True})
        (found,) = answer.get_json()["ranges"]
        assert not found["records"].keys() & {scene.contact, scene.deleted}
        assert found["count"] == len(found["records"]) <= 1
        yield answer, 200


def rows_by_id(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    answer = scene.device.ask(
        "POST", "/rows", json={"table": "contacts", "ids": [scene.contact, scene.deleted, UNKNOWN]}
    )
    told = [{**row, "record_id": ""} for row in answer.get_json()["rows"]]
    assert told == [told[0]] * 3
    assert told[0]["data"] is None
    yield answer, 200


def listing(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.device.get("/contacts"), 200
    found = scene.device.get("/contacts", search=SECRET.lower())
    assert found.get_json()["contacts"] == []
    yield found, 200
    yield scene.device.get("/contacts", after='[true,"",""]'), 200


def contact(method: str) -> Attempt:
    def attempt(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
        for key in (scene.contact, scene.deleted):
            for condition in ({}, {"If-Match": f'"{scene.seq}"'}, {"If-None-Match": f'"{scene.seq}"'}):
                yield scene.device.ask(method, f"/contacts/{key}", condition, json={"name": "Eve"}), 404

    return attempt


def creation(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    """In Eve's book the ids are free. That they are taken elsewhere must not show."""
    for key in (scene.contact, scene.deleted):
        yield scene.device.ask("POST", "/contacts", json={"id": key, "name": "Eve"}), 201


def record(method: str, action: str = "") -> Attempt:
    def attempt(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
        for key in (scene.contact, scene.deleted):
            yield scene.device.ask(method, f"/tables/contacts/{key}{action}", json={"name": "Eve"}), 404

    return attempt


def records(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    for answer in (
        scene.device.get("/tables/contacts", search=SECRET.lower()),
        scene.device.get("/tables/contacts", name=f"{SECRET} Ada"),
    ):
        assert answer.get_json()["records"] == []
        yield answer, 200
    yield scene.device.get("/tables/contacts", after=str(scene.seq)), 400


def new_record(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    for key in (scene.contact, scene.deleted):
        yield scene.device.ask("POST", "/tables/contacts", json={"id": key, "name": "Eve"}), 201


def declarations(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.device.get("/tables"), 200
    yield scene.pages.get("/tables"), 200


def batches(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    answer = scene.device.get("/batches")
    assert answer.get_json()["batches"] == []
    yield answer, 200
    yield scene.device.get("/batches", before=str(2**60)), 200


def batch(method: str, action: str = "") -> Attempt:
    def attempt(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
        yield scene.device.ask(method, f"/batches/{scene.batch}{action}"), 404

    return attempt


def labels(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    for search in ("", SECRET.lower()):
        answer = scene.device.get("/labels", search=search)
        assert answer.get_json()["labels"] == []
        yield answer, 200


def new_label(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    """In Eve's book the name is free, and has the same id. That there is one elsewhere must not show."""
    answer = scene.device.ask("POST", "/labels", json={"name": f"{SECRET.upper()} FRIENDS"})
    assert answer.get_json()["id"] == scene.label
    yield answer, 201


def label(method: str) -> Attempt:
    def attempt(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
        for condition in ({}, {"If-Match": f'"{scene.seq}"'}):
            yield scene.device.ask(method, f"/labels/{scene.label}", condition, json={"name": "Eve"}), 404

    return attempt


def label_of_contacts(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    """Neither Ada's label for a contact of Eve's, nor Ada's contact for a label of Eve's."""
    path = f"/labels/{scene.label}/contacts"
    yield scene.device.ask("POST", path, json={"add": [scene.contact]}), 404
    mine = scene.device.ask("POST", "/labels", json={"name": "Eve"}).get_json()["id"]
    answer = scene.device.ask("POST", f"/labels/{mine}/contacts", json={"add": [scene.contact, scene.deleted]})
    assert answer.get_json()["unknown"] == [scene.contact, scene.deleted]
    assert answer.get_json()["batch"] is None
    yield answer, 200


def new_label_by_form(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post("/c/labels", name=f"{SECRET} friends"), 303


def label_by_form(action: str, **fields: str) -> Attempt:
    def attempt(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
        yield scene.post(f"/c/labels/{scene.label}/{action}", **fields), 404

    return attempt


def undo_of_labels(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post(f"/c/labels/undo/{scene.batch}"), 404


def new_contact(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post("/c/new", change_id=scene.contact, base=str(scene.seq), opened="{}", name="Eve"), 303


def settling(action: str = "") -> Attempt:
    def attempt(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
        for choice in ("theirs", "typed"):
            fields = {"choice": choice, "value": "Eve", "cell": "phone", "base": str(scene.seq), "change_id": new_id()}
            yield scene.post(f"/inbox/{scene.conflict}{action}", **fields), 404

    return attempt


def settling_all(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post("/inbox/all", rule="theirs", seq=str(2**60)), 303


def upload(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.upload("/import", "First Name,Last Name\nEve,Mallory\n"), 200


def confirming(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    """The file that Ada looked at: its hash is no secret, and opens nothing."""
    digest = sha256(b"First Name,Last Name\nAda,Secret\n").hexdigest()
    yield scene.post("/import/confirm", digest=digest, on_duplicate="merge"), 422


def mapping_columns(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    """The same file by other columns, and what Ada said of them."""
    digest = sha256(b"First Name,Last Name\nAda,Secret\n").hexdigest()
    yield scene.post("/import/columns", digest=digest, mapping='{"First Name": "name"}'), 422


def undoing_an_import(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post("/import/undo", batch=scene.batch), 404


def going_on_with_an_import(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post("/import/resume"), 303
    yield scene.pages.get("/import/progress"), 302


def importing(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    """A card with the id and the name of Ada's contact: it is nobody's in Eve's book."""
    card = f"BEGIN:VCARD\nVERSION:4.0\nUID:urn:uuid:{scene.contact}\nFN:Eve\nEND:VCARD\n"
    for query in ({"dry_run": "1"}, {"on_duplicate": "merge"}):
        yield scene.device.ask("POST", "/contacts/import", query_string=query, data=card), 200


def exporting(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    for name in ("vcard4", "google", "zip"):
        yield unpacked(scene.device.get("/contacts/export", format=name)), 200


def exporting_by_page(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    for name in ("vcard4", "google", "zip"):
        yield unpacked(scene.pages.get(f"/export.csv?format={name}")), 200


def unpacked(answer: TestResponse) -> TestResponse:
    """The answer; in the place of a zip, what is in its files."""
    if answer.mimetype == "application/zip":
        with zipfile.ZipFile(io.BytesIO(answer.data)) as zip_:
            answer.set_data(b"\n".join([name.encode() + b"\n" + zip_.read(name) for name in zip_.namelist()]))
    return answer


def device(action: str) -> Attempt:
    def attempt(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
        yield scene.post(f"/devices/{scene.device_uuid}/{action}", name="Eve's"), 404
        yield scene.post(f"/devices/{scene.device_id}/{action}", name="Eve's"), 404

    return attempt


def own_trash(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post("/trash/empty", book_id="1"), 303


def own_book_back(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    """To the seq of Ada's change: it is Eve's own book that goes there."""
    yield scene.post("/past", seq=str(scene.seq)), 303


def new_device(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post("/devices", name="Eve's", book_id="1", user_id="1"), 200


def users(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.device.get("/users"), 403
    yield scene.pages.get("/users"), 403


def user(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.device.get("/users/1"), 403
    yield scene.pages.get("/users/1"), 403


def acting(method: str, path: str, **body: object) -> Attempt:
    """What only an admin may do to a user, by device and by page."""

    def attempt(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
        yield scene.device.ask(method, path, json=body or None), 403
        yield scene.pages.client.open(path, method=method, json=body or None), 403

    return attempt


def make_user(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    body = {"name": "ada2", "password": "a new password", "admin": True}
    yield scene.device.ask("POST", "/users", json=body), 403
    yield scene.pages.client.post("/users", json=body), 403


def policy(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post("/settings/policy", policy="ask", book_id="1"), 302


def appearance(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post("/settings/appearance", theme="dark", next="//elsewhere", book_id="1"), 303


def region(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post("/settings/region", region="DE", book_id="1"), 302


def password(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post("/settings/password", name="ada", current="wrong", password="a new password", again="x"), 422


def ending(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post(f"/settings/sessions/{scene.session}/end"), 404


def ending_others(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post("/settings/sessions/end-others", user_id="1"), 302


def revoking(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post("/devices/revoke-all", user_id="1"), 302


def setup(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.pages.get("/setup/x"), 404


def set_up(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post("/setup/x", name="eve2", password="long enough 1"), 404


def to_all(path: str, status: int = 200) -> Attempt:
    def attempt(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
        yield scene.pages.get(path), status

    return attempt


def leaving(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post("/logout"), 302


def entering(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post("/login", name="ada", password="wrong"), 422


def cards(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    """Ada's cards by their addresses, by those that they would have in Eve's book, and by reports of Eve's own."""
    eve = DavClient(scene.app, "eve", scene.device.token)
    for key in (scene.contact, scene.deleted):
        for path in (f"/dav/ada/contacts/{key}.vcf", f"/dav/eve/contacts/{key}.vcf"):
            for method in ("GET", "DELETE", "PROPFIND"):
                yield eve.ask(method, path), 404
            yield eve.ask("REPORT", "/dav/eve/contacts/", multiget_body(path)), 207
        yield eve.ask("PUT", f"/dav/ada/contacts/{key}.vcf", "BEGIN:VCARD\r\n"), 404
    for path in ("/dav/ada/", "/dav/ada/contacts/", "/dav/adam/contacts/"):
        for method in ("PROPFIND", "REPORT", "PROPPATCH", "GET", "OPTIONS", "DELETE"):
            yield eve.ask(method, path, Depth="1"), 404
    for path in ("/dav/", "/dav/eve/", "/dav/eve/contacts/"):
        yield eve.ask("PROPFIND", path, Depth="1"), 207
    yield eve.ask("REPORT", "/dav/eve/contacts/", sync_body()), 207
    yield eve.ask("REPORT", "/dav/eve/contacts/", sync_body(f"urn:offbook:{scene.cursor}:00000000")), 403


def looking_for_a_user(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield DavClient(scene.app, "eve", scene.device.token).ask("PROPFIND", "/"), 207
    yield DavClient(scene.app, "ada", scene.device.token).ask("PROPFIND", "/"), 401


def looking_for_carddav(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.pages.get("/.well-known/carddav"), 301


def new_phone(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post("/devices/phones", name="Eve's", book_id="1", user_id="1"), 200


def link_of_a_phone(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.pages.get(f"/phone/{scene.device_uuid}"), 404


def opening_a_link(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.post(f"/phone/{scene.device_uuid}"), 404


def profile_of_a_phone(scene: Scene) -> Iterator[tuple[TestResponse, int]]:
    yield scene.pages.get("/phone-profile/ada"), 404


ATTEMPTS: dict[str, Attempt] = {
    "phones.add": new_phone,
    "phones.show": link_of_a_phone,
    "phones.reveal": opening_a_link,
    "phones.profile": profile_of_a_phone,
    "carddav.below": cards,
    "carddav.at_root": looking_for_a_user,
    "carddav.well_known": looking_for_carddav,
    "api.sync": sync,
    "api.plan": planning,
    "api.changes": changes,
    "history.show": past,
    "history.give_back": going_back,
    "history.give_version_back": version,
    "conflicts.index": waiting,
    "conflicts.choose": choosing,
    "api.verify": comparing,
    "live.listen": listening,
    "api.rows": rows_by_id,
    "rest.index": listing,
    "rest.create": creation,
    "rest.show": contact("GET"),
    "rest.change": contact("PATCH"),
    "rest.delete": contact("DELETE"),
    "labels.index": labels,
    "labels.create": new_label,
    "labels.change": label("PATCH"),
    "labels.delete": label("DELETE"),
    "labels.change_contacts": label_of_contacts,
    "tables.declarations": declarations,
    "tables.index": records,
    "tables.create": new_record,
    "tables.show": record("GET"),
    "tables.change": record("PATCH"),
    "tables.delete": record("DELETE"),
    "tables.history": record("GET", "/history"),
    "batches.index": batches,
    "batches.show": batch("GET"),
    "batches.undo": batch("POST", "/undo"),
    "users.list_users": users,
    "users.show_user": user,
    "users.make_user": make_user,
    "users.change_user": acting("PATCH", "/users/1", disabled=True),
    "users.remove_user": acting("DELETE", "/users/1"),
    "users.restore_user": acting("POST", "/users/1/restore"),
    "blobs.get": photos,
    "blobs.put": sending_photos,
    "health.healthz": to_all("/healthz"),
    "openapi.show": to_all("/openapi.json"),
    "metrics.show": to_all("/metrics", 404),
    "contacts.index": sees_only_her_own("/", q=SECRET.lower()),
    "contacts.show": is_not_shown("/c/{}"),
    "contacts.new": sees_only_her_own("/c/new"),
    "contacts.create": new_contact,
    "contacts.edit": is_not_shown("/c/{}/edit"),
    "contacts.update": is_not_there("/c/{}/edit", name="Eve", opened="{}"),
    "contacts.star": is_not_there("/c/{}/star", starred="1"),
    "contacts.delete": is_not_there("/c/{}/delete"),
    "contacts.restore": is_not_there("/c/{}/restore"),
    "contact_labels.index": sees_only_her_own("/c/labels"),
    "contact_labels.create": new_label_by_form,
    "contact_labels.rename": label_by_form("rename", name="Eve"),
    "contact_labels.remove": label_by_form("remove"),
    "contact_labels.undo": undo_of_labels,
    "contact_history.index": is_not_shown("/c/{}/history"),
    "contact_history.restore_value": is_not_there("/c/{}/history/restore", cell="name"),
    "contact_history.restore_to_version": is_not_there("/c/{}/history/version", seq="1"),
    "sharing.card": is_not_shown("/c/{}/card.vcf"),
    "sharing.code": is_not_shown("/c/{}/code.svg"),
    "time_travel.show": sees_only_her_own("/past", seq="0"),
    "time_travel.restore": own_book_back,
    "contacts.trash": sees_only_her_own("/trash"),
    "contacts.empty": own_trash,
    "inbox.index": sees_only_her_own("/inbox"),
    "inbox.settle": settling(),
    "inbox.undo": settling("/undo"),
    "inbox.settle_all": settling_all,
    "activity.index": sees_only_her_own("/activity"),
    "import_export.index": sees_only_her_own("/import"),
    "import_export.preview": upload,
    "import_export.import_file": confirming,
    "import_export.look_again": mapping_columns,
    "import_export.progress": going_on_with_an_import,
    "import_export.resume": going_on_with_an_import,
    "import_export.undo": undoing_an_import,
    "importing.import_file": importing,
    "importing.export_file": exporting,
    "import_export.export_file": exporting_by_page,
    "devices.index": sees_only_her_own("/devices"),
    "devices.add": new_device,
    "devices.rename": device("rename"),
    "devices.revoke": device("revoke"),
    "devices.revoke_all": revoking,
    "people.index": is_for_admins("GET", "/people"),
    "people.add": is_for_admins("POST", "/people"),
    "people.confirm": is_for_admins("GET", "/people/1/remove"),
    "people.act_on": is_for_admins("POST", "/people/1/remove"),
    "streams.index": is_for_admins("GET", "/streams"),
    "streams.show": is_for_admins("GET", f"/streams/{UNKNOWN}"),
    "settings.index": sees_only_her_own("/settings"),
    "settings.change_password": password,
    "settings.choose_policy": policy,
    "settings.choose_appearance": appearance,
    "settings.choose_region": region,
    "settings.end_session": ending,
    "settings.end_others": ending_others,
    "auth.login": to_all("/login", 302),
    "auth.sign_in": entering,
    "auth.sign_out": leaving,
    "auth.setup": setup,
    "auth.set_up": set_up,
    "static": to_all(f"{url_of(STATIC)}/vendor/pico/pico.min.css"),
}


def hers(app: App) -> dict[str, list[Any]]:
    """All rows that belong to Ada or to everyone: her book's, her devices', and who the users are."""
    user = parts_of(app).accounts.user_named("ada")
    books, devices = Base.metadata.tables["books"], Base.metadata.tables["devices"]
    with app.extensions["database"].read() as connection:
        own = set(connection.execute(select(devices.c.id).where(devices.c.book_id == user.book_id)).scalars())
    owners = {"book_id": {user.book_id}, "device_id": own, "user_id": {user.id}}
    found: dict[str, list[Any]] = {}
    for name, rows in contents(app, "attempts", "settings").items():
        columns = Base.metadata.tables[name].c.keys()
        by = next((column for column in owners if column in columns), None)
        if name == books.name:
            rows = [row for row in rows if row[columns.index("id")] == user.book_id]
        elif name == "users":  # when others were signed out is their own affair
            place = columns.index("signed_out_at")
            rows = [row if row[0] == user.id else (*row[:place], *row[place + 1 :]) for row in rows]
        elif by is not None:
            rows = [row for row in rows if row[columns.index(by)] in owners[by]]
        found[name] = rows
    return found


@pytest.mark.parametrize("endpoint", ATTEMPTS)
def test_a_stranger_learns_and_changes_nothing(app: App, scene: Scene, endpoint: str) -> None:
    before = hers(app)
    for answer, status in ATTEMPTS[endpoint](scene):
        assert answer.status_code == status, answer.text
        told = answer.text + str(answer.headers)
        assert SECRET not in told
        assert GONE not in told
        assert parts_of(app).accounts.book(parts_of(app).accounts.user_named("ada").book_id).uuid not in told
    assert hers(app) == before


def test_every_view_there_is_was_asked(app: App) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(ATTEMPTS)


def test_what_is_watched_is_all_that_ada_has(app: App, scene: Scene) -> None:
    """The checks above are no use if they look at nothing."""
    watched = hers(app)
    filled = {"users", "books", "memberships", "devices", "contacts", "contact_details", "changes", "conflicts"}
    filled |= {"blobs", "blob_chunks", "labels", "sessions", "tutorial_numbers", "tutorial_rows", "import_jobs"}
    assert {name for name, rows in watched.items() if rows} == filled
    assert (len(watched["books"]), len(watched["contacts"]), len(watched["devices"])) == (1, 3, 2)
    assert SECRET in repr(watched)


# --- without signing in ----------------------------------------------------------------------------------------------

OPEN = {"carddav.well_known", "health.healthz", "openapi.show", "auth.login", "auth.sign_in", "static"}
"""What anyone may ask."""

HIDDEN = {"auth.setup", "auth.set_up", "metrics.show", "phones.show", "phones.reveal", "phones.profile"}
"""What is not there for who does not know the link, or where no setting opens it."""


def test_without_signing_in_only_the_door_is_open(app: App, scene: Scene) -> None:
    before = hers(app)
    stranger = Browser(app)
    token = csrf_of(stranger.get("/login").text)
    for rule in app.url_map.iter_rules():
        photo = scene.photo.rpartition("/")[2]
        ids = {"contact_id": scene.contact, "user_id": 1, "act": "remove", "sha256": photo}
        values = {name: ids.get(name, scene.device_uuid) for name in rule.arguments}
        path = rule.build(values, append_unknown=False)
        assert path is not None
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            answer = stranger.client.open(path[1], method=method, data={"csrf_token": token})
            expected = {404} if rule.endpoint in HIDDEN else {302, 401}
            if rule.endpoint not in OPEN:
                assert answer.status_code in expected, (rule.endpoint, method)
                assert answer.status_code != 302 or answer.headers["Location"].startswith("/login")
            assert SECRET not in answer.text
    assert hers(app) == before


def test_a_token_of_ones_own_opens_no_page(app: App, scene: Scene) -> None:
    """A device that is lost reads and writes contacts, and must not reach devices, people or passwords."""
    client = app.test_client()
    for path in ("/", "/devices", "/people", "/settings", "/export.csv", "/trash"):
        answer = client.get(path, headers=bearer(scene.device.token))
        assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (302, "/login")
