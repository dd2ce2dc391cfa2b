"""Marking ended sessions in Redis, retried by a queue while Redis is unavailable."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.events import SESSION_ENDED
from accounts.sessions import liveness
from kernel import cache, clock, telemetry
from realtime import api as realtime

AGAIN_S = 1
REPEATED_MS = (liveness.REMEMBER_LIVE_S + 15) * clock.SECOND  # then the cached state of `is_live` has expired


def remember(session_ids: Sequence[str], *, until: int) -> None:
    """Mark sessions as ended, or have the queue retry it each second until an instant (ms).

    Raises DependencyUnavailable if neither Redis nor the queue is available.
    """
    try:
        liveness.mark_ended(session_ids)
    except cache.CacheUnavailable:
        if clock.now() < until:
            telemetry.count("SessionEndsRepeated")
            job = {"kind": SESSION_ENDED, "session_ids": list(session_ids), "until": until}
            realtime.enqueue([job], delay_s=AGAIN_S)
