"""Runs the canary's walk through the public API, every `CanaryMinutes`.

A failed walk is counted and logged but is no failure of the function, which must not be retried: the schedule calls it
again anyway. The log line of the call has the failed step and the duration of each.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kernel import aws, telemetry
from kernel.errors import DependencyUnavailable
from operations import journey
from operations.canary_settings import settings


def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Any event → `{steps_ms, failed_at, why}`: the duration of each step (ms) and the first failed one."""
    with telemetry.call("operations.canary", context) as line:
        walked = asyncio.run(journey.walk(settings().http_url, _secret()))
        line.fields |= {"steps_ms": walked.took_ms, "failed_at": walked.failed_at, "why": walked.why}
        if walked.failed_at:
            line.total("CanaryFailed")
        else:
            line.timed("CanaryDuration", sum(walked.took_ms.values()))
        return {"steps_ms": walked.took_ms, "failed_at": walked.failed_at, "why": walked.why}


def _secret() -> str:
    try:
        answer = aws.client("secretsmanager").get_secret_value(SecretId=settings().secret_arn)
    except (BotoCoreError, ClientError) as error:
        raise DependencyUnavailable from error
    return str(json.loads(answer["SecretString"])["secret"])
