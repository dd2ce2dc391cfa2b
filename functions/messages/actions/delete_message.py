"""`deleteMessage`."""

from __future__ import annotations

import composition  # noqa: F401 - what all domains put into messages and events
from kernel.caller import Caller
from kernel.websocket import action
from messages import service
from messages.light_frames import DeleteMessage


@action("deleteMessage", DeleteMessage)
def handler(caller: Caller, frame: DeleteMessage) -> None:
    """Delete a message (its sender and admins)."""
    service.delete(caller=caller, conversation_id=frame.conversation_id, message_id=frame.message_id)
