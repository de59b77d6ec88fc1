"""The tutorial form of ``/sync`` and ``/changes``: recognised and answered here, a translation and nothing else.

Which requests it is for: docs/tutorial-form.md.
"""

from __future__ import annotations

from offbook.contacts.tutorial import parse_item, parse_since
from offbook.core.cells.validation import Json
from offbook.core.errors import Malformed
from offbook.core.model import Verdict
from services.contacts.tutorial import Tutorial
from storage.values.accounts import DeviceLogin
from web.messages import api as messages


def is_tutorial_push(body: Json) -> bool:
    """Whether a body is one change at top level, where the sync API's own form has a list of them."""
    return isinstance(body, dict) and "changes" not in body and ("table" in body or "operation" in body)


def is_tutorial_since(text: str) -> bool:
    """Whether a cursor is a time, or says that there is none yet. The sync API's own are never."""
    return parse_since(text) is not None


def push(tutorial: Tutorial, login: DeviceLogin, body: Json, now_us: int) -> dict[str, Json]:
    """Take one change. Whatever its verdict, the answer is a success: the client's queue stops at anything else."""
    item = parse_item(body, login.device.uuid)
    recorded = tutorial.push(login, item, now_us)
    verdict = Verdict.APPLIED if recorded is None else recorded.verdict
    answer: dict[str, Json] = {
        "status": "rejected" if verdict is Verdict.REJECTED else "ok",
        "verdict": verdict.value,
        "record_id": item.number,
    }
    if recorded is not None and recorded.fault is not None:
        answer.update(code=recorded.fault.code, detail=recorded.fault.detail)
    return answer


def pull(tutorial: Tutorial, login: DeviceLogin, since: str) -> list[dict[str, Json]]:
    """What came since a time, as the client applies it. Raises Malformed where it is no time."""
    since_us = parse_since(since)
    if since_us is None:
        raise Malformed.of(messages.BAD_SINCE)
    return tutorial.pull(login, since_us)
