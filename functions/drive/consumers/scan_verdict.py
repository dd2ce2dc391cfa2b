"""The step of the intake that polls a running antivirus scan."""

from __future__ import annotations

from typing import Any

from drive.uploads import intake
from kernel import telemetry


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """An inspection → the inspection with the scan's verdict, or `scanning` with one more attempt."""
    with telemetry.call("intake.verdict", context) as line:
        inspection = intake.poll_scan(event)
        line.fields |= {"verdict": inspection["verdict"], "attempts": inspection["attempts"]}
        return inspection
