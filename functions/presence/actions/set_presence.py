"""`setPresence`."""

from __future__ import annotations

from typing import Any

from kernel.caller import Caller
from kernel.websocket import action
from presence import service
from presence.schemas import PresenceOut, SetPresence


@action("setPresence", SetPresence, returns=PresenceOut, limit=service.SET)
def handler(caller: Caller, frame: SetPresence) -> Any:
    """Set one's own presence; the ack carries it."""
    return service.choose(caller=caller, status=frame.status, text=frame.text, until=frame.until)
