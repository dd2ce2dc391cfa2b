"""What Redis remembers of a session, for whoever meets it: `accounts.liveness` writes it, frames of sockets read it."""

from __future__ import annotations

LIVE, ENDED = "live", "revoked"


def key(session_id: str) -> str:
    """Where it is."""
    return f"session:{session_id}"
