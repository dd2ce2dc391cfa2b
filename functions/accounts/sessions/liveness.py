"""The standing of a session: live, live but only to enrol a second factor, or ended.

DynamoDB is authoritative, Redis caches the answer for a minute. Ending a session marks it in Redis (`session_ends`). A
Redis that accepts no writes would miss such marks, so without one, or while it is unavailable, paused or read-only,
each call reads the table. Routes that open or renew something always read the table (`standing_by_table`), because
Redis may have lost a mark (R51).
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from kernel import breakers, cache, session_marks
from kernel.session_marks import ENDED, ENROLLING, LIVE

if TYPE_CHECKING:
    from accounts.sessions.model import AccountSession

REMEMBER_LIVE_S = 60
REMEMBER_REVOKED_S = 7_500  # longer than the lifetime of sockets and access tokens


def standing(user_id: str, session_id: str) -> str:
    """LIVE, ENROLLING or ENDED, from the cache if possible."""
    try:
        # GETEX counts as a write, so that a read-only or paused Redis, which accepts no marks, fails here
        mark = cache.call(lambda redis: redis.getex(session_marks.key(session_id)))
    except cache.CacheUnavailable:
        return standing_by_table(user_id, session_id)
    return standing_by_mark(user_id, session_id, mark)


def standing_by_mark(user_id: str, session_id: str, mark: str | None) -> str:
    """LIVE, ENROLLING or ENDED, by the session's mark in Redis; by the table if it has none, and then it gets one.

    A mark that is neither LIVE nor ENDED, damaged or of another version, says nothing.
    """
    if mark in (LIVE, ENDED):
        return mark
    found = standing_by_table(user_id, session_id)
    if found != ENROLLING:
        with suppress(cache.CacheUnavailable):
            # only if absent, because the session may have been marked as ended since the table was read
            cache.call(lambda redis: redis.set(session_marks.key(session_id), found, ex=REMEMBER_LIVE_S, nx=True))
    return found


def standing_by_table(user_id: str, session_id: str) -> str:
    """LIVE, ENROLLING or ENDED, by a consistent read of the table."""
    session = _found(user_id, session_id)
    if session is None or not session.live:
        return ENDED
    return ENROLLING if session.must_enrol else LIVE


def is_live(user_id: str, session_id: str) -> bool:
    """Whether a session has not ended, from the cache if possible."""
    return standing(user_id, session_id) != ENDED


def is_live_by_table(user_id: str, session_id: str) -> bool:
    """Whether a session has not ended, by a consistent read of the table."""
    return standing_by_table(user_id, session_id) != ENDED


def keeps_device(user_id: str, session_id: str) -> bool:
    """Whether the device of a session stays, by a consistent read of the table (`AccountSession.keeps_device`)."""
    session = _found(user_id, session_id)
    return session is not None and session.keeps_device


def _found(user_id: str, session_id: str) -> AccountSession | None:
    from accounts.sessions import session_store  # most calls find a mark, and load no store

    return session_store.find(user_id, session_id)


def mark_ended(session_ids: Collection[str]) -> None:
    """Mark sessions as ended in a configured Redis, even while its breaker is open; raises CacheUnavailable."""

    def mark(redis: Any) -> None:
        pipe = redis.pipeline(transaction=False)
        for session_id in session_ids:
            pipe.set(session_marks.key(session_id), ENDED, ex=REMEMBER_REVOKED_S)
        pipe.execute()

    if session_ids and cache.is_configured():
        with breakers.asked_for_real():
            cache.call(mark)
