"""The task of the lifecycle machine: writes down what has happened to a call by itself, and says when to look again.

It may come late, twice or not at all: whoever looks at a call applies the time themselves, and every change is
made by condition.
"""

from __future__ import annotations

from typing import Any

from calls import changing, model, store
from kernel import clock, telemetry

# A vanished participant has left 60 s after the last sign of life at the latest: a lease of 45 s and this. And 8 h of
# it make 2,400 rounds of 9 entries in the execution's history, which takes 25,000.
EVERY_S = 12


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{call_id}` in, `{call_id, over, wait_s}` out."""
    with telemetry.call("calls.sweep", context) as line:
        call_id = str(event["call_id"])
        line.fields["call_id"] = call_id
        found = store.find(call_id)
        if found is None:  # another one was first in that conversation
            return {"call_id": call_id, "over": True, "wait_s": 0}
        call = changing.apply_timeouts(found)
        line.count("CallsLive", not call.ended)
        if call.ended:
            return {"call_id": call_id, "over": True, "wait_s": 0}
        due = call.next_check()
        # while it rings to the second; a full second, so that what is due then is over when it is looked at
        shortest_s = 1 if due <= call.created_at + model.RING_TIMEOUT_MS else EVERY_S
        wait_s = max(shortest_s, -(-(due - clock.now()) // clock.SECOND))
        return {"call_id": call_id, "over": False, "wait_s": wait_s}
