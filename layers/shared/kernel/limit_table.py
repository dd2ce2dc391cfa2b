"""Counters in DynamoDB for limits that fail closed, used when Redis is unavailable."""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError

from kernel import clock
from kernel.dynamo import Record


class LimitCounter(Record, table="limits", group="access"):
    key = UnicodeAttribute(hash_key=True)
    used = NumberAttribute(default=0)
    expires_at = NumberAttribute()


def count(key: str, window_s: int, cost: int = 1) -> int:
    """Add `cost` to the counter of a key; returns the total so far."""
    counter = LimitCounter(key)
    try:
        counter.update([LimitCounter.used.add(cost), LimitCounter.expires_at.set(clock.now_s() + 2 * window_s)])
    except UpdateError as error:
        raise RuntimeError("the table of limits refused an update") from error
    return int(counter.used)
