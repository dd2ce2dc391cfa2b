"""Tickets, opening and closing sockets, and frames to a single one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from kernel import cache, clock, ids, telemetry
from kernel import sockets as management
from kernel.caller import Caller
from kernel.errors import DependencyUnavailable
from realtime import store
from realtime.delivery import enqueue
from realtime.frames import ephemeral
from realtime.store import Connection, Liveness, Ticket

TICKET_TTL_S = 60
TICKET_BITS = 256
# Closing a socket is retried after 1, 2, 4, 8, 8 … s, for the two hours of a socket's longest life.
CLOSE_RETRY_S = 1
CLOSE_RETRY_MAX_S = 8
MAX_CLOSE_RETRIES = 900
TOUCH_EVERY_S = 60

_touched: cache.Memo[bool] = cache.Memo(max_entries=5_000, ttl_s=TOUCH_EVERY_S)


def make_ticket(caller: Caller) -> str:
    """A single-use ticket for a socket, valid for 60 s (R13: 256 bits, stored as a hash)."""
    ticket = ids.token(TICKET_BITS)
    store.keep_ticket(ticket, Ticket(caller.user_id, caller.session_id), ttl_s=TICKET_TTL_S)
    return ticket


def redeem_ticket(ticket: str) -> Ticket | None:
    """The owner of a ticket, which is used up; None if it is unknown, used or expired."""
    return store.redeem_ticket(ticket) if len(ticket) <= 128 else None


def open_connection(caller: Caller) -> Liveness:
    """Register a new socket and close those above the limit per person; the person's liveness before."""
    now = clock.now()
    over, before = store.add(Connection(caller.connection_id, caller.user_id, caller.session_id, now, now))
    for connection_id in over:
        management.close(connection_id)
    return before


def close_connection(caller: Caller) -> Liveness:
    """Remove a closed socket; the person's liveness after it."""
    return store.remove(caller.user_id, [caller.connection_id])


def touch(caller: Caller) -> None:
    """Note activity on a socket, which keeps its person present. Written at most once a minute.

    Without Redis (declared mode) at most once a minute per process.
    """
    key = f"heard:{caller.connection_id}"
    try:
        first = bool(cache.call(lambda redis: redis.set(key, 1, nx=True, ex=TOUCH_EVERY_S)))
    except cache.CacheUnavailable:
        first = not _touched.get(key)
        _touched.put(key, True)
    if first:
        store.touch(caller.user_id, caller.connection_id)


def focus(caller: Caller, conversation_id: str | None) -> None:
    """Note the conversation on a socket's screen (None for none), for which no push is sent."""
    store.focus(caller.user_id, caller.connection_id, conversation_id)


def close_sessions(user_id: str, session_ids: Collection[str] | None, *, reason: str, turn: int = 0) -> None:
    """Send `session.revoked` to the sockets of these sessions (None: all) and close them (R14).

    If DynamoDB does not answer, a delayed job retries (`turn`), which is sooner than the sweep of follow-up work.
    Raises DependencyUnavailable if the queue does not take the job either.
    """
    try:
        _close_sessions(user_id, session_ids, reason)
    except DependencyUnavailable:
        if turn > MAX_CLOSE_RETRIES:
            raise
        telemetry.count("SocketClosesRepeated")
        named = None if session_ids is None else sorted(session_ids)
        job = {"kind": "close_sessions", "user_id": user_id, "session_ids": named, "reason": reason, "turn": turn + 1}
        enqueue([job], delay_s=_close_delay_s(turn))


def _close_sessions(user_id: str, session_ids: Collection[str] | None, reason: str) -> None:
    doomed = [
        connection
        for connection in store.connections_of([user_id])
        if session_ids is None or connection.session_id in session_ids
    ]
    frames = {}
    for connection in doomed:
        data = {"session_id": connection.session_id, "reason": reason}
        frames[connection.connection_id] = [ephemeral("session.revoked", data).encode()]
    management.post_all(frames)
    _schedule_close(management.close_all(frames), turn=0)
    store.remove(user_id, list(frames))


def _close_delay_s(turn: int) -> int:
    return min(CLOSE_RETRY_MAX_S, CLOSE_RETRY_S << min(turn, 8))


def retry_close(connection_ids: Sequence[str], *, turn: int = 0) -> None:
    """Try again to close sockets, for the `turn`th time, and enqueue a delayed job for those that fail again.

    A job of its own comes sooner than the redelivery of a failed one, and never ends in the dead letters.
    """
    _schedule_close(management.close_all(connection_ids), turn=turn + 1)


def _schedule_close(still_open: Sequence[str], *, turn: int) -> None:
    if not still_open or turn > MAX_CLOSE_RETRIES:
        return
    telemetry.count("SocketClosesRepeated", len(still_open))
    enqueue([{"kind": "close", "connection_ids": list(still_open), "turn": turn}], delay_s=_close_delay_s(turn))


def send_to(caller: Caller, kind: str, data: Any) -> None:
    """Post one frame to one socket."""
    management.post(caller.connection_id, ephemeral(kind, data).encode())
