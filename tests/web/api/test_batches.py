"""Batches as JSON: what one act wrote, and undoing it."""

from __future__ import annotations

from typing import Any

from offbook.core.history.undo import undo_id
from tests.support.api_client import Caller, change, new_id


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
