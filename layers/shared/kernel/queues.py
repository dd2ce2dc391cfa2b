"""Sending to queues, up to ten messages and one megabyte a call."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kernel import aws, telemetry
from kernel.errors import DependencyUnavailable

BATCH = 10
MAX_BATCH_BYTES = 1024 * 1024  # SQS quotas: of one message, and of all in one call


def send(queue_url: str, messages: Sequence[dict[str, Any]], *, delay_s: int = 0) -> None:
    """Put JSON messages into a queue; raises DependencyUnavailable if any was not taken."""
    for batch in _batches(json.dumps(message, separators=(",", ":")) for message in messages):
        entries = [{"Id": str(n), "MessageBody": body, "DelaySeconds": delay_s} for n, body in enumerate(batch)]
        try:
            answer = aws.client("sqs").send_message_batch(QueueUrl=queue_url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            raise DependencyUnavailable from error
        if answer.get("Failed"):
            raise DependencyUnavailable


def postpone(queue_url: str, receipt_handle: str, after_s: int) -> None:
    """Have a message that is being handled come again after so many seconds (SQS: at most 12 h)."""
    try:
        aws.client("sqs").change_message_visibility(
            QueueUrl=queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=after_s
        )
    except (
        BotoCoreError,
        ClientError,
        DependencyUnavailable,
    ) as error:  # then it comes again when the queue shows it by itself
        telemetry.logger().warning("not postponed", exc_info=error)


def _batches(bodies: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for body in bodies:  # ASCII, so a character is a byte
        if batch and (len(batch) == BATCH or size + len(body) > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += len(body)
    if batch:
        yield batch
