"""Sending to SQS queues, up to ten messages and one megabyte per call."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kernel import aws, telemetry
from kernel.errors import DependencyUnavailable

BATCH = 10
MAX_BATCH_BYTES = 1024 * 1024  # SQS quota for one message, and for all messages of one call


def send(queue_url: str, messages: Sequence[dict[str, Any]], *, delay_s: int = 0) -> None:
    """Put JSON messages into a queue; raises DependencyUnavailable if any was not accepted."""
    for batch in _batches(json.dumps(message, separators=(",", ":")) for message in messages):
        entries = [{"Id": str(n), "MessageBody": body, "DelaySeconds": delay_s} for n, body in enumerate(batch)]
        try:
            answer = aws.client("sqs").send_message_batch(QueueUrl=queue_url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            raise DependencyUnavailable from error
        if answer.get("Failed"):
            raise DependencyUnavailable


def postpone(queue_url: str, receipt_handle: str, after_s: int) -> None:
    """Have the message that is being handled delivered again after `after_s` seconds (SQS: at most 12 h).

    Never raises: if SQS refuses, the message is delivered again after its visibility timeout.
    """
    try:
        aws.client("sqs").change_message_visibility(
            QueueUrl=queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=after_s
        )
    except (
        BotoCoreError,
        ClientError,
        DependencyUnavailable,
    ) as error:
        telemetry.logger().warning("not postponed", exc_info=error)


def _batches(bodies: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for body in bodies:  # `json.dumps` writes ASCII, so a character is a byte
        if batch and (len(batch) == BATCH or size + len(body) > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += len(body)
    if batch:
        yield batch
