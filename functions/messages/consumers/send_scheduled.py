"""Sends scheduled messages: statemachines/scheduled_message.asl.json calls it at the time, a schedule every minute."""

from __future__ import annotations

from typing import Any

from kernel import clock, telemetry
from messages.unsent import scheduled


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{user_id, conversation_id, scheduled_id}` → `{done, wait_s, again_at}`; the event of the schedule: sends overdue
    messages. Idempotent.

    If not done, the state machine calls again after `wait_s`; with a time it would call without a pause if its clock
    were ahead. `again_at` is for executions that began with an earlier version.
    """
    with telemetry.call("messages.send_scheduled", context) as line:
        if "scheduled_id" in event:
            about = {name: event[name] for name in ("user_id", "conversation_id", "scheduled_id")}
            again_at = scheduled.when_due(**about)
            if again_at is None:
                return {"done": True, "wait_s": None, "again_at": None}
            wait_s = max(1, -(-(again_at - clock.now()) // clock.SECOND))
            return {"done": False, "wait_s": wait_s, "again_at": clock.rfc3339(again_at)}
        line.found("ScheduledOverdue", scheduled.sweep())
        return {"done": True}
