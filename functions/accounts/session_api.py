"""Whether a session stands; apart, so that what opens sockets loads no reader of keys."""

from __future__ import annotations

from accounts.liveness import is_live
from accounts.liveness import stands as session_stands

__all__ = ["is_live", "session_stands"]
