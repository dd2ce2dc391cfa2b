"""Looks every five minutes for what waits for an operator, and counts it in metrics that alarms read.

A count of zero is not written, as a written metric costs. The call's line names the queues, machines and schedules.
"""

from __future__ import annotations

import os
from typing import Any

from kernel import clock, telemetry
from operations import unattended

# An execution that ended while no look was made is found later, for as long as `LookoutStopped` takes to fire.
LOOKS_BACK_MS = 15 * clock.MINUTE


def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Any event → `{dead_letters, ended_badly, schedules_off}`: counts by queue and by machine, and functions.

    Raises DependencyUnavailable if it cannot look.
    """
    with telemetry.call("operations.lookout", context) as line:
        dead = unattended.dead_letters()
        ended = unattended.ended_badly(since_ms=clock.now() - LOOKS_BACK_MS)
        off = unattended.schedules_off(_schedules())
        line.found("DeadLetters", sum(dead.values()))
        line.found("ExecutionsEndedBadly", sum(ended.values()))
        line.found("SchedulesOff", len(off))
        found = {"dead_letters": dead, "ended_badly": ended, "schedules_off": off}
        line.fields |= found
        return found


def _schedules() -> tuple[str, ...]:
    """The functions that a schedule should call; the canary only where it walks."""
    canary = ("Canary",) if os.environ.get("CANARY", "off") == "on" else ()
    return unattended.SCHEDULES + canary
