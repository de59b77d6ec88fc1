"""Batches as JSON: what one act wrote, and undoing it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import event

from app import App
from offbook.core.conflicts.bulk import Rule
from offbook.core.history.undo import undo_id
from offbook.formats.google_csv import writing as google_writing
from services.conflicts import resolve_all
from services.contacts.import_run import import_contacts
from services.contacts.importing import read_file
from services.restore import Actor, restore_book_to
from storage.base import ChangeOrigin
from tests.support.api_client import Caller, change, new_id
from tests.support.browser import parts_of


def imported(caller: Caller, *names: str) -> tuple[str, list[str]]:
    """A batch that adds contacts of these names, and their ids."""
    batch = new_id()
    added = [change(data={"name": name}, batch=batch) for name in names]
    caller.synced(*added)
    return batch, [item["record_id"] for item in added]


def undone(caller: Caller, batch: str) -> Any:
    answer = caller.ask("POST", f"/batches/{batch}/undo")
    assert answer.status_code == 200, answer.text
    return answer.get_json()


@pytest.mark.engines("sqlite")
def test_an_import_a_restore_a_choice_about_all_and_an_undo_are_one_batch_each(
    app: App, laptop: Caller, phone: Caller
) -> None:
    """And each names all that it wrote, and nothing else."""
    parts = parts_of(app)
    user = parts.accounts.user_named("ada")
    store, book_id, origin = parts.store, user.book_id, ChangeOrigin(user_id=user.id)
    parts.accounts.set_policy(book_id, "ask")
    contacts: list[dict[str, Any]] = [{"id": new_id(), "name": name, "details": {}} for name in ("Ada", "Grace", "Ida")]
    file = google_writing.write(contacts).encode()

    def act() -> Actor:
        return Actor(origin, new_id(), new_id())

    def newest() -> tuple[int, str, dict[str, int]]:
        """How many batches there are; of the newest, the id and how many changes of which tables it has."""
        batches = laptop.get("/batches").get_json()["batches"]
        return len(batches), batches[0]["id"], batches[0]["tables"]

    read = read_file(store, parts.contacts, book_id, io.BytesIO(file))
    report = import_contacts(store, parts.blobs, book_id, origin, read, parts.clock(), parts.new_id)
    assert newest() == (1, report.batch, {"contacts": 3})
    with store.reading(book_id) as book:
        seen = book.book.seq
    ids = [row["record_id"] for row in laptop.get("/changes").get_json()["changes"]]
    for device in (laptop, phone):
        device.synced(*(change("UPDATE", record_id=key, base=seen, data={"phone": device.token[:8]}) for key in ids))
    choosing = act()
    with store.reading(book_id) as book:
        up_to = book.book.seq
    assert resolve_all(store, book_id, choosing, Rule.THEIRS, up_to, parts.clock()) == 3
    assert newest() == (2, choosing.id, {"contacts": 3})
    restoring = act()
    assert restore_book_to(store, book_id, restoring, seen, parts.clock()).changed == 3
    assert newest() == (3, restoring.id, {"contacts": 3})
    undo = undone(phone, restoring.id)
    assert newest() == (4, undo["batch"], {"contacts": 3})


def test_a_batch_is_listed_shown_and_undone(laptop: Caller, phone: Caller) -> None:
    batch, (ada, grace) = imported(laptop, "Ada", "Grace")
    (listed,) = phone.get("/batches").get_json()["batches"]
    assert listed == phone.get(f"/batches/{batch}").get_json()
    assert (listed["id"], listed["user"], listed["device"]) == (batch, "ada", "laptop")
    assert (listed["changes"], listed["tables"], listed["undone_by"]) == (2, {"contacts": 2}, None)
    phone.synced(change("UPDATE", record_id=grace, base=listed["seq"], data={"phone": "1"}))
    kept = [{"table": "contacts", "record_id": grace, "cell": "@exists", "reason": "changed_since"}]
    assert undone(phone, batch) == {"batch": undo_id(batch), "undone": 1, "kept": kept}
    assert undone(laptop, batch)["undone"] == 1
    assert phone.get(f"/contacts/{ada}").status_code == 404
    assert phone.get(f"/batches/{batch}").get_json()["undone_by"] == undo_id(batch)


@pytest.mark.engines("sqlite")
def test_undoing_many_asks_for_no_record_by_itself(app: App, laptop: Caller) -> None:
    engine = app.extensions["database"].engine
    counts: list[int] = []
    for count in (3, 60):
        batch, _ = imported(laptop, *(f"Ada {number}" for number in range(count)))
        asked: list[str] = []

        def note(*call: Any, asked: list[str] = asked) -> None:
            asked.append(call[2])

        event.listen(engine, "before_cursor_execute", note)
        assert undone(laptop, batch)["undone"] == count
        event.remove(engine, "before_cursor_execute", note)
        counts.append(len(asked))
    assert counts[0] == counts[1] > 0


@pytest.mark.engines("sqlite")
def test_what_is_deleted_and_brought_back_is_found_and_sorted_as_before(app: App, laptop: Caller) -> None:
    batch, (ada,) = imported(laptop, "Ada")
    user, contacts = parts_of(app).accounts.user_named("ada"), parts_of(app).contacts
    before = laptop.get(f"/contacts/{ada}").get_json()
    undo = undone(laptop, batch)["batch"]
    assert contacts.page(user.book_id).rows == []
    assert undone(laptop, undo)["undone"] == 1
    assert laptop.get(f"/contacts/{ada}").get_json()["name"] == before["name"]
    assert [row.name for row in contacts.page(user.book_id, search="ada").rows] == ["Ada"]


def test_batches_are_read_a_page_at_a_time(laptop: Caller) -> None:
    first, _ = imported(laptop, "Ada")
    second, _ = imported(laptop, "Grace")
    newest = laptop.get("/batches", limit=1).get_json()
    older = laptop.get("/batches", limit=1, before=newest["next"]).get_json()
    assert [batch["id"] for batch in newest["batches"] + older["batches"]] == [second, first]
    assert older["next"] is None
    assert laptop.get("/batches", before="x").get_json()["code"] == "bad_place"


def test_what_is_no_batch_is_not_undone(laptop: Caller) -> None:
    imported(laptop, "Ada")
    answer = laptop.ask("POST", f"/batches/{new_id()}/undo")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_a_batch_without_a_uuid_is_rejected(laptop: Caller) -> None:
    (result,) = laptop.synced(change(batch="import"))["results"]
    assert (result["verdict"], result["code"]) == ("rejected", "bad_id")


def test_the_history_names_the_batch_where_there_is_one(laptop: Caller) -> None:
    batch, (ada,) = imported(laptop, "Ada")
    seq = laptop.get("/batches").get_json()["batches"][0]["seq"]
    laptop.synced(change("UPDATE", record_id=ada, base=seq, data={"phone": "1"}))
    newest, oldest = laptop.get(f"/history/{ada}").get_json()["changes"]
    assert oldest["batch"] == batch
    assert "batch" not in newest
