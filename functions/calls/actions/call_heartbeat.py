"""`callHeartbeat`."""

from __future__ import annotations

from typing import Any

from calls import service
from calls.frame_schemas import CallHeartbeat
from calls.schemas import CallOut
from kernel.caller import Caller
from kernel.websocket import action


@action("callHeartbeat", CallHeartbeat, returns=CallOut)
def handler(caller: Caller, frame: CallHeartbeat) -> Any:
    """Renew the caller's lease in a call for 45 s; to be sent every 15 s."""
    return service.heartbeat(caller=caller, call_id=frame.call_id)
