"""`typing`."""

from __future__ import annotations

from kernel.caller import Caller
from kernel.websocket import action
from messages import typing_notice
from messages.light_frames import SetTyping


@action("typing", SetTyping)
def handler(caller: Caller, frame: SetTyping) -> None:
    """Show the other members that one is typing, or has stopped."""
    typing_notice.typing(caller=caller, conversation_id=frame.conversation_id, is_typing=frame.typing)
