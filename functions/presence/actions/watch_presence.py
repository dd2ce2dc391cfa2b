"""`watchPresence`."""

from __future__ import annotations

from typing import Any

from kernel.caller import Caller
from kernel.websocket import action
from presence import service
from presence.schemas import PresenceList, WatchPresence


@action("watchPresence", WatchPresence, returns=PresenceList, limit=service.WATCH)
def handler(caller: Caller, frame: WatchPresence) -> Any:
    """Watch these people instead of those before; the ack carries their present status."""
    return {"items": service.watch(caller=caller, user_ids=frame.user_ids, conversation_id=frame.conversation_id)}
