"""What it means that a server answered with another status than 200, and when it may be asked again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from offbook.checks import CODE_CHARACTERS_MAX, DETAIL_CHARACTERS_MAX, need, seq_of, uuid_of, words
from offbook.core.cells import Json
from offbook.core.errors import CursorGone, NotAuthorized, Refused, ServerFault, SyncError
from offbook.transport import Response

RETRY_SECONDS_MAX = 3_600.0
REASONS = ("pruned", "epoch", "unknown")


def error_of(response: Response) -> SyncError | CursorGone:
    """What a status other than 200 means."""
    status, problem = response.status, _problem(response)
    said = problem.get("detail") or "No reason was given."
    retry = retry_after_seconds(response)
    match status:
        case 401 | 403:
            return NotAuthorized(f"The server does not accept this device's token: {said}", retry)
        case 410 if problem.get("code") == CursorGone.code:
            return _cursor_gone(problem)
        case 408 | 429 | 503:
            return SyncError(f"The server is busy: {said}", retry)
        case _ if 400 <= status < 500:
            refused = Refused(said, status)
            refused.code = problem.get("code") or f"http_{status}"
            return refused
        case _ if 300 <= status < 400:
            return ServerFault("The server sends elsewhere: give its new address to this replica.", retry)
    return ServerFault(f"The server failed (status {status}): {said}", retry)


def _cursor_gone(problem: Mapping[str, Json]) -> CursorGone:
    reason, kept = problem.get("reason"), problem.get("kept")
    need(reason in REASONS, "reason")
    takes_history = problem.get("takes_history") is True
    return CursorGone(str(reason), seq_of(kept), uuid_of(problem.get("book"), "book"), takes_history)


def _problem(response: Response) -> dict[str, Json]:
    try:
        problem = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(problem, dict):
        return {}
    texts = {"detail": DETAIL_CHARACTERS_MAX, "code": CODE_CHARACTERS_MAX}
    return problem | {name: words(problem.get(name), most) for name, most in texts.items()}


def retry_after_seconds(response: Response) -> float | None:
    """``Retry-After`` in seconds, within reason. Its other form, a date, is measured by the server's own clock."""
    value = (response.header("Retry-After") or "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), RETRY_SECONDS_MAX)
    then, now = date_ms(value), date_ms(response.header("Date"))
    return None if then is None or now is None else min(max((then - now) / 1000, 0.0), RETRY_SECONDS_MAX)


def date_ms(value: str | None) -> int | None:
    """An HTTP date in milliseconds since 1970."""
    try:
        return int(parsedate_to_datetime(value or "").timestamp() * 1000)
    except (ValueError, TypeError, OverflowError):
        return None
