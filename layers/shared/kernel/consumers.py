"""Handlers of queues: one line a call, partial failures.

A record that fails is reported alone and comes again; after the queue's receive count it lands in the
dead-letter queue.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from kernel import telemetry

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
Message = dict[str, Any]


def each_message(name: str, handle: Callable[[Message], None]) -> Handler:
    """A queue's handler that takes messages one at a time."""

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        with telemetry.call(name, context) as line:
            return _report(line, event["Records"], _one_by_one(event["Records"], handle, line))

    return handler


def all_messages(name: str, handle: Callable[[Sequence[Message]], None]) -> Handler:
    """A queue's handler that takes a batch together, and one by one after that has failed.

    So a poison message fails alone; `handle` must be harmless when repeated.
    """

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        with telemetry.call(name, context) as line:
            records = event["Records"]
            try:
                handle([json.loads(record["body"]) for record in records])
            except Exception as error:
                line.error = error
                return _report(line, records, _one_by_one(records, lambda message: handle([message]), line))
            return _report(line, records, [])

    return handler


def _one_by_one(records: list[Any], handle: Callable[[Message], None], line: telemetry.Line) -> list[str]:
    failed = []
    for record in records:
        try:
            handle(json.loads(record["body"]))
        except Exception as error:  # reported for this record alone; its trace goes into the line
            line.error = error
            failed.append(record["messageId"])
    return failed


def _report(line: telemetry.Line, records: list[Any], failed: list[str]) -> dict[str, Any]:
    line.count("Records", len(records))
    line.count("RecordsFailed", len(failed))
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}
