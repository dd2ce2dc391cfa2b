"""The first step of the intake: inspects the uploaded bytes."""

from __future__ import annotations

from typing import Any

from drive.uploads import intake
from kernel import telemetry


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`detail.object` of S3's event (`key`, `version-id`) → the inspection (`intake.inspect`). Idempotent."""
    with telemetry.call("intake.inspect", context) as line:
        inspection = intake.inspect(event["key"], event.get("version-id") or event.get("versionId") or "")
        line.fields |= {"verdict": inspection["verdict"], "reason": inspection["reason"]}
        return inspection
