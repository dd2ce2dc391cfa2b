"""A step of the intake while an antivirus scan is under way: asks again for its verdict."""

from __future__ import annotations

from typing import Any

from drive.uploads import intake
from kernel import telemetry


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    with telemetry.call("intake.verdict", context) as line:
        seen = intake.look_for_verdict(event)
        line.fields |= {"verdict": seen["verdict"], "attempts": seen["attempts"]}
        return seen
