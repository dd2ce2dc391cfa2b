"""The drive's sweep, every five minutes."""

from __future__ import annotations

from typing import Any

from drive.trash import sweep
from kernel import telemetry


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Any event → `{done}`, the number of due items processed."""
    with telemetry.call("drive.sweep", context):
        return {"done": sweep.sweep()}
