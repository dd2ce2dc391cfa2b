"""The last step of the intake: the file becomes ready or rejected."""

from __future__ import annotations

from typing import Any

from drive.uploads import intake
from kernel import telemetry


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """An inspection → `{outcome}`: `ready`, `rejected` or `stale`. Idempotent."""
    with telemetry.call("intake.settle", context) as line:
        outcome = intake.settle(event)
        line.fields |= {"outcome": outcome, "reason": event.get("reason")}
        return {"outcome": outcome}
