"""Whether a session stands; apart, so that what opens sockets loads no reader of keys."""

from __future__ import annotations

from accounts.liveness import is_live
from accounts.liveness import stands as session_stands
from accounts.session_store import live_among as live_sessions_among

__all__ = ["is_live", "live_sessions_among", "session_stands"]
