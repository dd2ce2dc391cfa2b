"""Whether a session stands: DynamoDB decides.

Redis remembers the answer, since every call asks. Who ends a session marks it there (`session_ends`), so nobody
believes a Redis that takes no writes: while there is none, or it is away, paused or read-only, each call reads the
table. What opens or renews something always does (`stands`), as Redis may have lost a mark (R51).
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Any

from accounts import session_store
from kernel import breakers, cache, session_marks
from kernel.session_marks import ENDED, LIVE

REMEMBER_LIVE_S = 60
REMEMBER_REVOKED_S = 7_500  # longer than any socket of it may live, and than any access token


def is_live(user_id: str, session_id: str) -> bool:
    """Whether a session stands."""
    key = session_marks.key(session_id)
    try:
        # GETEX counts as a write, so a Redis that takes no marks (read-only, paused for writes) does not answer it
        state = cache.call(lambda redis: redis.getex(key))
    except cache.CacheUnavailable:
        return stands(user_id, session_id)
    if state is not None:
        return bool(state == LIVE)
    live = stands(user_id, session_id)
    with suppress(cache.CacheUnavailable):
        # only if absent: the news of its end may have come in since the table was read
        cache.call(lambda redis: redis.set(key, LIVE if live else ENDED, ex=REMEMBER_LIVE_S, nx=True))
    return live


def stands(user_id: str, session_id: str) -> bool:
    """Whether a session stands by the table, whatever is remembered of it: one consistent read."""
    session = session_store.find(user_id, session_id)
    return session is not None and session.live


def mark_ended(session_ids: Collection[str]) -> None:
    """Have it remembered that these sessions have ended. Raises CacheUnavailable where there is a Redis that does not
    take that, which is asked whatever its breaker thinks of it."""

    def mark(redis: Any) -> None:
        pipe = redis.pipeline(transaction=False)
        for session_id in session_ids:
            pipe.set(session_marks.key(session_id), ENDED, ex=REMEMBER_REVOKED_S)
        pipe.execute()

    if session_ids and cache.is_configured():
        with breakers.asked_for_real():
            cache.call(mark)
