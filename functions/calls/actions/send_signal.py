"""`signal`."""

from __future__ import annotations

from typing import Any

from calls import signals
from calls.frame_schemas import SendSignal
from calls.schemas import SignalSent
from kernel.caller import Caller
from kernel.limiter import Limit
from kernel.websocket import action


@action("signal", SendSignal, returns=SignalSent, limit=Limit("signals", requests=1200, window_s=60))
def handler(caller: Caller, frame: SendSignal) -> Any:
    """Send a signal to one participant of a call; wait for the ack before sending the next one to keep the order."""
    return signals.send(caller=caller, call_id=frame.call_id, to=frame.to, kind=frame.kind, payload=frame.payload)
