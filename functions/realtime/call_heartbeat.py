"""`callHeartbeat`."""

from __future__ import annotations

from typing import Any

from calls import service
from calls.schemas import Call
from kernel.caller import Caller
from kernel.websocket import action
from realtime.schemas import CallHeartbeat


@action("callHeartbeat", CallHeartbeat, returns=Call)
def handler(caller: Caller, frame: CallHeartbeat) -> Any:
    """Stay in a call for 45 s more; to be sent every 15 s."""
    return service.heartbeat(caller=caller, call_id=frame.call_id)
