"""Walks through the public API as two accounts of its own, by the clock where CanaryMinutes says so.

A walk that fails is counted and told, and no failure of the function, which nobody is to call again: the next one comes
by itself. Which step it was, and how long each took, stands in the call's line.
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
    """Walk once; how long each step took (ms), and the first that failed."""
    with telemetry.call("operations.canary", context) as line:
        walked = asyncio.run(journey.walk(settings().http_url, _secret()))
        line.fields |= {"steps_ms": walked.took_ms, "failed_at": walked.failed_at, "why": walked.why}
        if walked.failed_at:
            line.total("CanaryFailed")
        else:  # one value for each walk that came through
            line.timed("CanaryDuration", sum(walked.took_ms.values()))
        return {"steps_ms": walked.took_ms, "failed_at": walked.failed_at, "why": walked.why}


def _secret() -> str:
    try:
        answer = aws.client("secretsmanager").get_secret_value(SecretId=settings().secret_arn)
    except (BotoCoreError, ClientError) as error:
        raise DependencyUnavailable from error
    return str(json.loads(answer["SecretString"])["secret"])
