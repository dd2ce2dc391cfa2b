"""Runs the canary's walk through the public API, every `CanaryMinutes`.

A failed walk is counted and logged but is no failure of the function, which must not be retried: the schedule calls it
again anyway. The log line of the call has the failed step and the duration of each. Walks that come through write no
metric, as one costs 0.30 $ a month; Lambda measures how long they take.
"""

from __future__ import annotations

import asyncio
from typing import Any

from kernel import keyrings, telemetry
from operations import journey
from operations.canary_settings import settings

SECRET_BYTES = 30


def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Any event → `{steps_ms, failed_at, why}`: the duration of each step (ms) and the first failed one."""
    with telemetry.call("operations.canary", context) as line:
        walked = asyncio.run(journey.walk(settings().http_url, _secret()))
        line.fields |= {"steps_ms": walked.took_ms, "failed_at": walked.failed_at, "why": walked.why}
        if walked.failed_at:
            line.total("CanaryFailed")
        return {"steps_ms": walked.took_ms, "failed_at": walked.failed_at, "why": walked.why}


def _secret() -> str:
    """The secret from which the canary's accounts get their names and password."""
    return keyrings.canary.seeds()[0].derive("accounts", SECRET_BYTES).hex()
