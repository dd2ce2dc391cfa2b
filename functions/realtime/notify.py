"""`notify`: the port by which domains notify people. Sockets, push and the in-app list are behind it.

Notices go into a queue, so that the caller neither waits for their delivery nor fails with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from kernel import clock, ids, queues, telemetry
from kernel.config import config

NOTICE, RING_OVER, WAS_READ = "notice", "ring_over", "read"
# Instead of user ids: the members or admins of the conversation when the notice is delivered.
Audience = Sequence[str] | Literal["members", "admins"]


def notify(
    recipients: Audience, kind: str, reference: Mapping[str, Any], *, actor_id: str | None = None, but: str = ""
) -> None:
    """Notify people, except `but`, with a kind of the in-app list (contract §10). Never raises.

    `reference` has the ids of the objects the notice is about. With a `conversation_id` only its members are notified,
    with a `message_id` only those who may see the message.
    """
    placed = ("conversation_id", "message_id")
    _enqueue(
        {
            "do": NOTICE,
            "kind": kind,
            "to": recipients if isinstance(recipients, str) else list(recipients),
            "actor_id": actor_id,
            "but": but,
            **{name: reference.get(name) for name in placed},
            "reference": {name: value for name, value in reference.items() if name not in placed and value is not None},
        }
    )


def ring_over(
    *,
    call_id: str,
    conversation_id: str,
    user_ids: Sequence[str],
    missed: Sequence[str] = (),
    caller_id: str | None = None,
    began_at: int = 0,
    session_id: str = "",
) -> None:
    """Stop a call's ring on these people's devices, except on the session that answered. Never raises; idempotent.

    `missed` are the people who missed the call of `caller_id`, begun at `began_at` (ms).
    """
    if not user_ids:
        return
    _enqueue(
        {
            "do": RING_OVER,
            "call_id": call_id,
            "conversation_id": conversation_id,
            "to": list(user_ids),
            "missed": list(missed),
            "actor_id": caller_id,
            "began_at": began_at,
            "session_id": session_id,
        }
    )


def was_read(conversation_id: str, user_ids: Sequence[str]) -> None:
    """Dismiss the notifications of a conversation on these people's devices, as far as read. Never raises."""
    _enqueue({"do": WAS_READ, "conversation_id": conversation_id, "to": list(user_ids)})


def _enqueue(job: dict[str, Any]) -> None:
    if not job["to"]:
        return
    with telemetry.best_effort("not told", do=job["do"]):  # a notice is a hint: the event itself is committed
        queues.send(config().notifications_queue_url, [{**job, "key": ids.new("evt"), "at": clock.now()}])
