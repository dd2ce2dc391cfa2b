"""Sending to queues, up to ten messages a call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kernel import aws
from kernel.errors import DependencyUnavailable

BATCH = 10
MAX_MESSAGE_BYTES = 256 * 1024


def send(queue_url: str, messages: Sequence[dict[str, Any]], *, delay_s: int = 0) -> None:
    """Put JSON messages into a queue; raises DependencyUnavailable if any was not taken."""
    for start in range(0, len(messages), BATCH):
        chunk = messages[start : start + BATCH]
        entries = [
            {"Id": str(n), "MessageBody": json.dumps(message, separators=(",", ":")), "DelaySeconds": delay_s}
            for n, message in enumerate(chunk)
        ]
        try:
            answer = aws.client("sqs").send_message_batch(QueueUrl=queue_url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            raise DependencyUnavailable from error
        if answer.get("Failed"):
            raise DependencyUnavailable
