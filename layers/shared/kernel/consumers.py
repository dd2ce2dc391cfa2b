"""Handlers of queues and of a table's stream: one log line per call, and partial failures.

A queue message that fails is reported alone and is delivered again; after the queue's receive count it goes to the
dead-letter queue. A stream keeps the order per partition key: if a change fails, it and those after it are delivered
again, including ones that were handled already. Both deliver at least once, so `handle` must be idempotent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kernel import deadline, queues, telemetry

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
Message = dict[str, Any]
Image = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one row, from its table's stream, in DynamoDB's JSON.

    `old` is None for a new row, `new` for a deleted one.
    """

    kind: Literal["INSERT", "MODIFY", "REMOVE"]
    keys: Image
    old: Image | None
    new: Image | None


class TryLater(Exception):
    """A message cannot be handled now and should be delivered again after `after_s` seconds."""

    def __init__(self, after_s: int, reason: str) -> None:
        self.after_s = after_s
        super().__init__(reason)


def each_message(
    name: str, handle: Callable[[Message], None], *, queue_url: Callable[[], str] | None = None
) -> Handler:
    """A queue's handler that takes messages one at a time.

    With `queue_url`, `handle` may raise TryLater: the message is delivered again after that time, which counts as one
    of its tries.
    """

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        with deadline.of(context), telemetry.call(name, context) as line:
            return _report(line, event["Records"], _one_by_one(event["Records"], handle, line, queue_url))

    return handler


def all_messages(name: str, handle: Callable[[Sequence[Message]], None]) -> Handler:
    """A queue's handler that takes a batch together, and one by one if that fails.

    So a poison message fails alone; `handle` must be idempotent.
    """

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        with deadline.of(context), telemetry.call(name, context) as line:
            records = event["Records"]
            try:
                handle([json.loads(record["body"]) for record in records])
            except Exception as error:
                line.error = error
                return _report(line, records, _one_by_one(records, lambda message: handle([message]), line))
            return _report(line, records, [])

    return handler


def all_changes(name: str, partition_key: str, handle: Callable[[Sequence[Change]], None]) -> Handler:
    """A stream's handler that takes a batch together, and change by change if that fails.

    After a change that fails, later ones of the same partition are left for the next try; those of other partitions are
    handled.
    """

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        with deadline.of(context), telemetry.call(name, context) as line:
            records = event["Records"]
            changes = [_change(record) for record in records]
            failed: list[str] = []
            try:
                handle(changes)
            except Exception as error:
                line.error = error
                failed = _in_order(records, changes, partition_key, handle, line)
            return _report(line, records, failed)

    return handler


def _change(record: Mapping[str, Any]) -> Change:
    about = record["dynamodb"]
    return Change(record["eventName"], about["Keys"], about.get("OldImage"), about.get("NewImage"))


def _in_order(
    records: Sequence[Any],
    changes: Sequence[Change],
    partition_key: str,
    handle: Callable[[Sequence[Change]], None],
    line: telemetry.CallLine,
) -> list[str]:
    failed = []
    held_up = []
    for record, change in zip(records, changes, strict=True):
        partition = change.keys[partition_key]
        try:
            if partition not in held_up:
                handle([change])
        except Exception as error:
            line.error = error
            held_up.append(partition)
        if partition in held_up:
            failed.append(record["dynamodb"]["SequenceNumber"])
    return failed


def _one_by_one(
    records: list[Any],
    handle: Callable[[Message], None],
    line: telemetry.CallLine,
    queue_url: Callable[[], str] | None = None,
) -> list[str]:
    failed = []
    for record in records:
        try:
            handle(json.loads(record["body"]))
        except TryLater as later:
            if queue_url is not None:
                queues.postpone(queue_url(), record["receiptHandle"], later.after_s)
            line.fields["later"] = str(later)
            line.total("RecordsPostponed")
            failed.append(record["messageId"])
        except Exception as error:  # reported for this record alone; the trace is logged in the line
            line.error = error
            failed.append(record["messageId"])
    return failed


def _report(line: telemetry.CallLine, records: list[Any], failed: list[str]) -> dict[str, Any]:
    line.fields["records"] = len(records)
    if failed:
        line.total("RecordsFailed", len(failed))
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}
