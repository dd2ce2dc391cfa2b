"""Sends scheduled messages: statemachines/scheduled_message.asl.json calls it at the time, a schedule every minute."""

from __future__ import annotations

from typing import Any

from kernel import telemetry
from messages import scheduled


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{user_id, conversation_id, scheduled_id}` → `{done}`; not done: its time is still to come. May be repeated.

    Any other event (the schedule's) → what is overdue is sent.
    """
    with telemetry.call("messages.send_scheduled", context) as line:
        if "scheduled_id" in event:
            about = {name: event[name] for name in ("user_id", "conversation_id", "scheduled_id")}
            return {"done": scheduled.when_due(**about)}
        line.count("ScheduledOverdue", scheduled.sweep())
        return {"done": True}
