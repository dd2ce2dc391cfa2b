"""The first step of the intake: looks at the bytes that have arrived."""

from __future__ import annotations

from typing import Any

from drive.uploads import intake
from kernel import telemetry


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`event` is S3's `detail.object`: the key, and the version where the bucket has versions."""
    with telemetry.call("intake.inspect", context) as line:
        seen = intake.inspect(event["key"], event.get("version-id") or event.get("versionId") or "")
        line.fields |= {"verdict": seen["verdict"], "reason": seen["reason"]}
        return seen
