"""What pages say of a form that is refused, and of an act that was done."""

from __future__ import annotations

from offbook.core.messages import Message

# --- a form that comes too late --------------------------------------------------------------------------------------

SIGNED_OUT = Message(
    "not_authorized", "You are signed out. Sign in again in another tab, and repeat: what you typed is still here."
)
STALE_FORM = Message(
    "stale_form", "This form does not belong to your session any more. Go back, load the page again and repeat."
)
TYPE_AGAIN = Message(
    "stale_form",
    "This page was open for a while, and its form is an old one. Type your password once more. If that does not help, "
    "let your browser keep this server's cookies.",
)
