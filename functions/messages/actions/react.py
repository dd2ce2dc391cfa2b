"""`react`."""

from __future__ import annotations

from kernel.caller import Caller
from kernel.websocket import action
from messages.changes import reactions
from messages.light_frames import React


@action("react", React)
def handler(caller: Caller, frame: React) -> None:
    """Add or remove a reaction."""
    reactions.react(
        caller=caller,
        conversation_id=frame.conversation_id,
        message_id=frame.message_id,
        emoji=frame.emoji,
        added=not frame.remove,
    )
