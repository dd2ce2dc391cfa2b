"""Having the ends of sessions remembered by a Redis that does not take them at once: a queue repeats them."""

from __future__ import annotations

from collections.abc import Sequence

from accounts import liveness
from accounts.events import SESSION_ENDED
from kernel import cache, clock, telemetry
from realtime import api as realtime

AGAIN_S = 1
REPEATED_MS = (liveness.REMEMBER_LIVE_S + 15) * clock.SECOND  # by then Redis can call none of them live, see `is_live`


def remember(session_ids: Sequence[str], *, until: int) -> None:
    """Mark these sessions as ended, or have the queue try it again each second until this time (ms).

    Raises DependencyUnavailable where neither Redis nor the queue takes it.
    """
    try:
        liveness.mark_ended(session_ids)
    except cache.CacheUnavailable:
        if clock.now() < until:
            telemetry.count("SessionEndsRepeated")
            job = {"kind": SESSION_ENDED, "session_ids": list(session_ids), "until": until}
            realtime.enqueue([job], delay_s=AGAIN_S)
