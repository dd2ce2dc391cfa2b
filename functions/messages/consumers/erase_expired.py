"""Erases messages whose time is over, every minute: they have been hidden since, here their content leaves the tables.

The index of search follows by the stream. Bounded work: what is not done in time is done a minute later; how late
the oldest one is, is a metric with an alarm.
"""

from __future__ import annotations

import time
from typing import Any

from kernel import clock, telemetry
from messages import expiry_store

BATCH = 100
PATIENCE_S = 45.0


def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Erase what has expired, until nothing is left or 45 s are over."""
    with telemetry.call("messages.erase_expired", context) as line:
        deadline = time.monotonic() + PATIENCE_S
        erased, oldest = 0, clock.now()
        shards = list(expiry_store.SHARDS)
        while shards and time.monotonic() < deadline:
            shard = shards.pop(0)
            found = expiry_store.expired(shard, limit=BATCH)
            oldest = min([oldest, *(message.expires_at or oldest for message in found)])
            erased += sum(expiry_store.erase(message) for message in found)
            if len(found) == BATCH:
                shards.append(shard)  # there may be more, after the others had their turn
        line.found("ExpiredErased", erased)
        line.found("ExpiryLag", clock.now() - oldest)
        return {"erased": erased, "finished": not shards}
