"""Responses other than 200, as errors: who refused what, and when the next try may be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from offbook import messages
from offbook.addresses import display_address
from offbook.core.cells.validation import Json
from offbook.core.codes import Scope, names_by_status
from offbook.core.errors import CursorGone, NotAuthorized, NotOffbook, Refused, ServerFault, SyncError
from offbook.core.messages import Message
from offbook.core.protocol.validators import (
    CODE_CHARACTERS_MAX,
    DETAIL_CHARACTERS_MAX,
    NotJSON,
    clean_text,
    json_of,
    require,
    seq_of,
    uuid_of,
)
from offbook.core.text import status_phrase
from offbook.sync.http.transport import Response

RETRY_SECONDS_MAX = 3_600.0
LOCATION_CHARACTERS_MAX = 200
REASONS = ("pruned", "epoch", "unknown")
USER_CODES = names_by_status(Scope.SIGNED_IN)[403]
"""The codes of a refusal that is about this device's user, whom an admin may let in again."""


def json_of_answer(response: Response) -> Json:
    """What the answer to a request without a cursor says. Raises SyncError for one with another status than 200."""
    try:
        return json_of_page(response)
    except CursorGone:
        raise ServerFault.of(messages.ANSWER_TO_NOTHING) from None


def json_of_page(response: Response) -> Json:
    """What the answer to a request with a cursor says. Raises CursorGone, and SyncError."""
    if response.status != 200:
        raise error_of(response)
    try:
        return json_of(response.body)
    except NotJSON:
        raise _not_offbook(response) from None


def error_of(response: Response) -> SyncError | CursorGone:
    """What a status other than 200 means. Only offbook's own form says anything about the token or the request."""
    status, retry = response.status, retry_after_seconds(response)
    if (problem := problem_of(response)) is None:
        return _not_offbook(response)
    detail = problem["detail"]
    match status:
        case 401 | 403 if problem["code"] in USER_CODES:
            return _user_refused(problem, retry)
        case 401 | 403:
            return NotAuthorized(messages.TOKEN_REFUSED.fault(detail=detail), retry)
        case 410 if problem["code"] == CursorGone.code:
            return _cursor_gone(problem)
        case 408 | 429 | 503:
            return SyncError(messages.SERVER_BUSY.fault(detail=detail), retry)
        case 507:
            return SyncError(detail, retry)
        case _ if 400 <= status < 500:
            return Refused(Message(problem["code"], detail).fault(), status)
    return ServerFault(messages.SERVER_FAILED.fault(status=status, detail=detail), retry)


def _user_refused(problem: Mapping[str, Json], retry: float | None) -> NotAuthorized:
    """The token is right, so that another one would help nothing."""
    return NotAuthorized(Message(problem["code"], problem["detail"]).fault(), retry)


def _cursor_gone(problem: Mapping[str, Json]) -> CursorGone:
    reason, kept = problem.get("reason"), problem.get("kept")
    require(reason in REASONS, "reason")
    takes_history = problem.get("takes_history") is True
    return CursorGone(str(reason), seq_of(kept), uuid_of(problem.get("book"), "book"), takes_history)


def problem_of(response: Response) -> dict[str, Json] | None:
    """The problem in the form that every offbook server has used for it; None where it is somebody else's answer."""
    try:
        problem = json.loads(response.body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(problem, dict) or problem.get("status") != response.status:
        return None
    texts = {"detail": DETAIL_CHARACTERS_MAX, "code": CODE_CHARACTERS_MAX}
    problem |= {name: clean_text(problem.get(name), characters_max) for name, characters_max in texts.items()}
    return problem if all(problem[name] for name in texts) else None


# --- what is no answer of offbook ------------------------------------------------------------------------------------

UNKNOWN_SOURCE = "Something between here and the server said so, or this is not the address of an offbook server."

ADVICE: Mapping[int, str] = {
    401: f"{UNKNOWN_SOURCE} It is no word about this device's token, which need not be replaced.",
    403: f"{UNKNOWN_SOURCE} It is no word about this device's token, which need not be replaced.",
    404: "There is no offbook server at this address: check it, and the path in it.",
    405: "There is no offbook server at this address: check it, and the path in it.",
    407: "The proxy wants a sign-in: name its user and password where the environment names the proxy.",
    411: "A proxy on the way does not pass requests on as they were sent. Its administrator can help.",
    413: "A proxy in front of the server takes no body of this size: its limit should be 16 MiB.",
    429: "Something in front of the server wants fewer requests.",
    502: "The proxy in front of the server does not reach it.",
    503: "The proxy in front of the server does not reach it, or is being looked after.",
    504: "The proxy in front of the server does not get an answer from it.",
}
"""What to do about a status that is not offbook's own."""

SIGN_IN = "It is a page for people: a network that wants a sign-in (open a page in a browser), or another site."


def _not_offbook(response: Response) -> NotOffbook:
    """Which address answered what, and what to do about it. Nothing that was typed is touched by such an answer."""
    status = response.status
    if 300 <= status < 400:
        advice = _advice_on_redirect(response.header("Location"))
    elif status < 300:
        is_page = response.body.lstrip().startswith(b"<")
        advice = SIGN_IN if is_page else "That is no answer of an offbook server: check the address."
    else:
        advice = ADVICE.get(status, UNKNOWN_SOURCE)
    text = f"{response.source} answered {status}{status_phrase(status)}, and not as offbook does. {advice}"
    return NotOffbook(text, status, retry_after_seconds(response))


def _advice_on_redirect(location: str | None) -> str:
    place = "" if location is None else f" to {(clean_text(display_address(location), LOCATION_CHARACTERS_MAX) or '')}"
    return (
        f"It sends elsewhere{place}, where the token is not sent. If that is the server's address now, give it to this "
        "device; it may also be a network that wants a sign-in (open a page in a browser)."
    )


def retry_after_seconds(response: Response) -> float | None:
    """``Retry-After`` in seconds, within reason. Its other form, a date, is measured by the server's own clock."""
    value = (response.header("Retry-After") or "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), RETRY_SECONDS_MAX)
    retry_ms, server_ms = date_ms(value), date_ms(response.header("Date"))
    if retry_ms is None or server_ms is None:
        return None
    return min(max((retry_ms - server_ms) / 1000, 0.0), RETRY_SECONDS_MAX)


def date_ms(value: str | None) -> int | None:
    """An HTTP date in milliseconds since 1970."""
    try:
        return int(parsedate_to_datetime(value or "").timestamp() * 1000)
    except (ValueError, TypeError, OverflowError):
        return None
