"""Simulates the end of a process between any two of its writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kernel import aws

WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}


class Killed(BaseException):
    """The simulated end of the process; no `except Exception` catches it."""


@contextmanager
def killed_before_write(number: int) -> Iterator[Callable[[], int]]:
    """Raises Killed before the n-th write to DynamoDB (0: never); yields a function that counts the writes so far."""
    events, seen = aws.client("dynamodb").meta.events, [0]

    def count(model: Any, **_: Any) -> None:
        if model.name in WRITES:
            seen[0] += 1
            if seen[0] == number:
                raise Killed

    events.register_first("before-call.dynamodb", count)
    try:
        yield lambda: seen[0]
    finally:
        events.unregister("before-call.dynamodb", count)
