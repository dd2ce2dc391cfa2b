"""Chains what waits in the audit log; a schedule calls it every minute."""

from __future__ import annotations

from typing import Any

from audit import service
from kernel import telemetry


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Any event → `{chained}`: how many acts got their number. May be repeated and run beside itself."""
    del event
    with telemetry.call("audit.chain", context) as line:
        chained = service.chain_waiting()
        line.found("AuditChained", chained)
        return {"chained": chained}
