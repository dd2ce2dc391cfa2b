"""`editMessage`."""

from __future__ import annotations

from typing import Any

from kernel.caller import Caller
from kernel.websocket import action
from messages import service
from messages.frame_schemas import EditMessage
from messages.schemas import Message


@action("editMessage", EditMessage, returns=Message)
def handler(caller: Caller, frame: EditMessage) -> Any:
    """Replace the text of one's own message, within 24 h."""
    return service.edit(
        caller=caller, conversation_id=frame.conversation_id, message_id=frame.message_id, text=frame.text
    )
