"""Messages for other domains: slow mode, contents of messages, views, erasure."""

from __future__ import annotations

from typing import Any

import messages.events  # who uses messages appends them
from kernel.caller import Caller
from messages.contents import register_content
from messages.forgetting_store import erase_message, own_messages, remove_reactions
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
