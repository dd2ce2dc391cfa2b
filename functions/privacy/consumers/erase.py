"""The function that statemachines/account_erasure.asl.json calls until an erasure is done."""

from __future__ import annotations

from typing import Any

import composition  # noqa: F401 - registers every domain's message and event types
from kernel import telemetry
from privacy import erasure
from privacy.erasure import State


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{user_id, state?}` → `{user_id, step, cursor, done}`, the next call's `state`. Idempotent."""
    with telemetry.call("privacy.erase", context) as line:
        state = State(**event["state"]) if event.get("state") else State(event["user_id"])
        after = erasure.run(state)
        line.fields |= {"step": after.step, "done": after.done}
        return {"user_id": after.user_id, "step": after.step, "cursor": after.cursor, "done": after.done}
