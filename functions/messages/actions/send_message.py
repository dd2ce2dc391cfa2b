"""`sendMessage`."""

from __future__ import annotations

from typing import Any

from kernel.caller import Caller
from kernel.limiter import Limit
from kernel.websocket import action
from messages import service
from messages.frame_schemas import SendMessage
from messages.schemas import Message


@action(
    "sendMessage",
    SendMessage,
    returns=Message,
    limit=Limit("send", requests=1200, window_s=60),
    measured_as="SendDuration",
)
def handler(caller: Caller, frame: SendMessage) -> Any:
    """Append a message; the ack carries it. A repeated client_id gets the first one."""
    message, _ = service.send(caller=caller, conversation_id=frame.conversation_id, message=frame.message())
    return message
