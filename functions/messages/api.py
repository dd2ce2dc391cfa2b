"""Messages for other domains: slow mode, contents of messages, views, erasure."""

from __future__ import annotations

from typing import Any

import messages.events  # who uses messages appends them
from kernel.caller import Caller
from messages.contents import register_content
from messages.forgetting_store import own_messages
from messages.message_store import stage_system_update
from messages.slow_mode import append as append_in_slot
from messages.slow_mode import require_slot
from messages.slow_mode import stage as stage_slot
from messages.unread import of_contexts as unread_of
from messages.unread import of_people as unread_of_people
from messages.views import messages as message_views


def get(*, caller: Caller, conversation_id: str, message_id: str) -> dict[str, Any]:
    """One message in its present state; raises NotFound."""
    from messages import service  # few users of this module read messages

    return service.get(caller=caller, conversation_id=conversation_id, message_id=message_id)


def delete(*, caller: Caller, conversation_id: str, message_id: str) -> None:
    """Delete a message, which leaves a tombstone (its sender and admins)."""
    from messages import service

    service.delete(caller=caller, conversation_id=conversation_id, message_id=message_id)


def erase_message(conversation_id: str, seq: int) -> bool:
    """Delete a message and erase everything of its tombstone except its seq; False if there is none. Idempotent."""
    from messages import forgetting

    return forgetting.erase_message(conversation_id, seq)


def remove_reactions(user_id: str, cursor: dict[str, Any] | None) -> dict[str, Any] | None:
    """Remove a person's reactions in the next page of all reactions; returns the next cursor."""
    from messages import forgetting

    return forgetting.remove_reactions(user_id, cursor)
