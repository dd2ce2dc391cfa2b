"""Erases the content of expired messages, every minute; readers do not see it from the time of expiry on.

The search index follows by the stream. Work that is not done in time is done a minute later; the lag of the oldest
message is a metric with an alarm.
"""

from __future__ import annotations

import time
from typing import Any

from kernel import clock, telemetry
from messages.erasing import expiry_store

BATCH = 100
PATIENCE_S = 45.0


def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Erase expired messages until none is left or 45 s have passed."""
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
                shards.append(shard)  # there may be more
        line.found("ExpiredErased", erased)
        line.found("ExpiryLag", clock.now() - oldest)
        return {"erased": erased, "finished": not shards}
