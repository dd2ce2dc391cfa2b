"""The task of the lifecycle state machine: saves a call's timeouts and returns the time until the next check.

It may run late, twice or not at all: every reader of a call applies timeouts, and every change has a condition.
"""

from __future__ import annotations

from typing import Any

from calls import changing, store
from kernel import clock, telemetry


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{call_id}` → `{call_id, over, wait_s}`."""
    with telemetry.call("calls.sweep", context) as line:
        call_id = str(event["call_id"])
        line.fields["call_id"] = call_id
        found = store.find(call_id)
        if found is None:  # another call was first in that conversation
            return {"call_id": call_id, "over": True, "wait_s": 0}
        call = changing.apply_timeouts(found)
        line.count("CallsLive", not call.ended)
        if call.ended:
            return {"call_id": call_id, "over": True, "wait_s": 0}
        # rounded up to a second so that the timeout has passed at the check; checks of leases are 12 s apart at least,
        # so 8 h take 2,400 rounds of 9 entries in the execution's history, which is limited to 25,000
        wait_s = max(1, -(-(call.next_check() - clock.now()) // clock.SECOND))
        return {"call_id": call_id, "over": False, "wait_s": wait_s}
