"""The function that statemachines/account_export.asl.json calls to make an export, or to mark it as failed."""

from __future__ import annotations

from typing import Any

import composition  # noqa: F401 - registers every domain's message and event types
from kernel import telemetry
from kernel.errors import NotFound
from privacy import exports


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{user_id, export_id, failed?}` → `{done}`. Idempotent; an export that no longer exists counts as done."""
    with telemetry.call("privacy.export", context) as line:
        try:
            if event.get("failed"):
                exports.fail(event["user_id"], event["export_id"])
            else:
                exports.make(event["user_id"], event["export_id"])
        except NotFound:
            line.fields["gone"] = True
        return {"done": True}
