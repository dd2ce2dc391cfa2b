"""Sends scheduled messages: statemachines/scheduled_message.asl.json calls it at the time, a schedule every minute."""

from __future__ import annotations

from typing import Any

from kernel import clock, telemetry
from messages import scheduled


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{user_id, conversation_id, scheduled_id}` → `{done, again_at}`; not done: ask again at that time. Repeatable.

    Any other event (the schedule's) → what is overdue is sent.
    """
    with telemetry.call("messages.send_scheduled", context) as line:
        if "scheduled_id" in event:
            about = {name: event[name] for name in ("user_id", "conversation_id", "scheduled_id")}
            again_at = scheduled.when_due(**about)
            return {"done": again_at is None, "again_at": None if again_at is None else clock.rfc3339(again_at)}
        line.found("ScheduledOverdue", scheduled.sweep())
        return {"done": True}
