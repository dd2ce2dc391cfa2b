"""`notify`: the port by which any domain tells people of something. Sockets, push and the in-app list are behind it.

What is told goes into a queue: whoever tells does not wait for it, and cannot fail by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from kernel import clock, ids, queues, telemetry
from kernel.config import config

NOTICE, RING_OVER, WAS_READ = "notice", "ring_over", "read"
# Instead of naming people: those who are in the conversation when it is told.
Audience = Sequence[str] | Literal["members", "admins"]


def notify(
    recipients: Audience, kind: str, reference: Mapping[str, Any], *, actor_id: str | None = None, but: str = ""
) -> None:
    """Tell people of something of a kind that the in-app list knows (contract §10), but not `but`. Never raises.

    `reference` has ids of what it is about; `conversation_id` and `message_id` have a place of their own in the list.
    Where there is a conversation, its members alone are told, and of a message those who may see it.
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
    """Stop a call's ring on these people's devices, but not on the session that answered; `missed` are those who
    missed it, whom `caller_id` called at `began_at`. Never raises, and may be told again."""
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
    """Take away what these people's devices show of a conversation, as far as they have read it. Never raises."""
    _enqueue({"do": WAS_READ, "conversation_id": conversation_id, "to": list(user_ids)})


def _enqueue(job: dict[str, Any]) -> None:
    if not job["to"]:
        return
    try:
        queues.send(config().notifications_queue_url, [{**job, "key": ids.new("evt"), "at": clock.now()}])
    except Exception as error:  # what it tells of is done, and can be seen where it happened
        telemetry.logger().error("not told", exc_info=error, extra={"do": job["do"]})
