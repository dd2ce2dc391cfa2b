"""The marks of sessions in Redis: `accounts.sessions.liveness` writes them, handlers of socket frames read them."""

from __future__ import annotations

LIVE, ENDED = "live", "revoked"
ENROLLING = "enrolling"  # live, but it may only enrol a second factor; never cached, since that ends it


def key(session_id: str) -> str:
    """The Redis key of a session's mark."""
    return f"session:{session_id}"
